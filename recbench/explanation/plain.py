"""Explanations and state scores as plain data, for programs."""

from __future__ import annotations

from typing import Any

from recbench.explanation.events import EventWeights
from recbench.explanation.explanation import Explanation
from recbench.explanation.names import Names
from recbench.explanation.states import StateScores
from recbench.explanation.text import HISTORIES
from recbench.plain import finite


def explanation_plain(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON holds it: means for gates, and histories with raw ids."""
    record, names = explanation.record, Names(explanation.chosen.loader)
    plain = {
        "key": record.key,
        "model": record.model.name,
        "seed": record.seed,
        "dataset": record.dataset.name,
        "part": explanation.part,
        "examples": explanation.examples,
        "gates": {
            use.name: {
                "experts": list(use.experts),
                **{
                    column: {
                        "mean": each.mean.tolist(),
                        "deviation": each.deviation.tolist(),
                        "entropy": each.entropy,
                    }
                    for column, each in use.columns.items()
                },
            }
            for use in explanation.gates
        },
        "events": {each.name: _events(each, names) for each in explanation.events},
        "others": {
            name: {"mean": mean, "deviation": deviation}
            for name, (mean, deviation) in explanation.others.items()
        },
    }
    return dict(finite(plain))


def states_plain(scores: StateScores) -> dict[str, Any]:
    """Return scores by state as JSON holds them."""
    plain = {
        "dataset": scores.group.dataset,
        "protocol": scores.group.protocol,
        "states": list(scores.states),
        "models": [
            {
                "model": curve.model,
                "seeds": curve.seeds,
                "mean": {"/".join(key): value for key, value in curve.mean.items()},
                "deviation": {"/".join(key): value for key, value in curve.deviation.items()},
            }
            for curve in scores.curves
        ],
    }
    return dict(finite(plain))


def _events(events: EventWeights, names: Names) -> dict[str, Any]:
    apart = zip(("target", "other"), events.by_category() or (), strict=False)
    return {
        "by_category": {
            name: {"events": len(own.weight), "mean": own.weight.mean(0).tolist()}
            for name, own in apart
            if len(own.weight)
        },
        "by_distance": [
            {
                "distance": place.first,
                "events": place.events,
                "mean": place.mean.tolist(),
                "deviation": place.deviation.tolist(),
            }
            for place in events.by_distance(each=True)
        ],
        "histories": [_history(events.of(row), names) for row in events.typical(HISTORIES)],
    }


def _history(events: EventWeights, names: Names) -> dict[str, Any]:
    return {
        "example": {"row": int(events.example[0]), **names.example(int(events.example[0]))},
        "events": [
            {"distance": int(distance), **names.event(int(position)), "weight": weight.tolist()}
            for distance, position, weight in zip(
                events.distance, events.position, events.weight, strict=True
            )
        ],
    }
