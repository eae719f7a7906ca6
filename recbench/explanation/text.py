"""Explanations and state scores as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich.table import Table

from recbench.explanation.events import EventWeights, Place
from recbench.explanation.explanation import Explanation
from recbench.explanation.gates import GateUse
from recbench.explanation.names import Names
from recbench.explanation.states import StateScores

BAR = 20
"""Characters of the longest bar."""
HISTORIES = 3
"""Histories shown of each kind of attention."""
EVENTS = 8
"""Events shown of a history."""
DASH = "—"
TITLES = {
    "attention": "attention over the latest events",
    "found": "attention over the events found in the whole history",
}

CATEGORIES = ("target's category", "other categories")

Section = tuple[str, Table | None]
"""A title, or a remark where there is no table."""


def explanation_sections(explanation: Explanation) -> Iterator[Section]:
    """Yield what a terminal shows of an explanation."""
    record, data = explanation.record, explanation.record.dataset
    source = "SIMULATED data" if data.source == "simulated" else "real data"
    seed = f"{record.model.name}, seed {record.seed}"
    where = f"{data.name} v{data.version} · {data.protocol} · {source}"
    yield f"{seed} · {where} · {explanation.examples:,} examples of {explanation.part}", None
    for use in explanation.gates:
        yield f"{use.name}: mean weight of each expert", _gate_table(use)
    names = Names(explanation.chosen.loader)
    for events in explanation.events:
        yield f"{TITLES[events.name]}: mean weight by distance from the end", _place_table(events)
        for example in events.typical(HISTORIES):
            yield from _history(events.of(example), names)
    if explanation.others:
        table = _table("weights", "mean", "deviation")
        for name, (mean, deviation) in explanation.others.items():
            table.add_row(name, _number(mean), _number(deviation))
        yield "other weights", table


def state_sections(scores: StateScores) -> Iterator[Section]:
    """Yield what a terminal shows of scores by state."""
    yield f"{scores.group.title}: scores by state", None
    for metric in scores.metrics:
        table = _table("model", "seeds", *scores.states)
        for curve in scores.curves:
            cells = []
            for state in scores.states:
                mean = curve.mean.get((metric.name, state), math.nan)
                deviation = curve.deviation.get((metric.name, state), math.nan)
                cells.append(f"{_number(mean)} ± {_number(deviation)}")
            table.add_row(curve.model, str(curve.seeds), *cells)
        yield f"{metric.name} {'↑' if metric.higher_is_better else '↓'}", table


def _gate_table(use: GateUse) -> Table:
    table = Table("expert", box=None, header_style="bold", pad_edge=False)
    for column in use.columns:
        table.add_column(column)
    largest = max(float(each.mean.max()) for each in use.columns.values())
    for place, expert in enumerate(use.experts):
        means = [float(each.mean[place]) for each in use.columns.values()]
        cells = (f"{_number(mean)} {_bar(mean, largest)}" if mean else DASH for mean in means)
        table.add_row(expert, *cells)
    spreads = [float(each.deviation.mean()) for each in use.columns.values()]
    table.add_row("deviation", *map(_number, spreads))
    table.add_row("entropy", *(_number(each.entropy) for each in use.columns.values()))
    return table


def _place_table(events: EventWeights) -> Table:
    places, heads = events.by_distance(), events.weight.shape[1]
    means = [f"mean {head}" if heads > 1 else "mean" for head in range(1, heads + 1)]
    table = _table("from the end", "events", *means, "deviation")
    table.add_column("")
    rows = [(_distances(place), place.events, place.mean, place.deviation) for place in places]
    for title, own in zip(CATEGORIES, events.by_category() or (), strict=False):
        if len(own.weight):
            rows.append((title, len(own.weight), own.weight.mean(0), own.weight.std(0)))
    largest = max((abs(float(mean.mean())) for _, _, mean, _ in rows), default=0.0)
    for title, count, mean, deviation in rows:
        table.add_row(
            title,
            f"{count:,}",
            *map(_number, mean),
            _number(float(deviation.mean())),
            _bar(float(mean.mean()), largest),
        )
    return table


def _distances(place: Place) -> str:
    if place.last == 1:
        return "latest"
    return str(place.first) if place.first == place.last else f"{place.first} to {place.last}"


def _history(events: EventWeights, names: Names) -> Iterator[Section]:
    """Yield the events of one example that weigh most, latest first."""
    weight = events.weight.mean(1)
    shown = np.sort(np.argsort(-np.abs(weight), kind="stable")[:EVENTS])
    about = names.example(int(events.example[0]))
    target = f"target {_named(about)}" if "item" in about else ""
    owner = f"user {about['user']}" if "user" in about else ""
    head = " · ".join(filter(None, (owner, target, f"{len(weight)} events")))
    table = _table("from the end")
    facts = [names.event(int(position)) for position in events.position[shown]]
    for header in facts[0]:
        table.add_column(header)
    table.add_column("weight", justify="right")
    table.add_column("")
    largest = float(np.abs(weight).max())
    for place, fact in zip(shown, facts, strict=True):
        known = (DASH if value is None else str(value) for value in fact.values())
        own = float(weight[place])
        table.add_row(str(events.distance[place]), *known, _number(own), _bar(own, largest))
    if len(shown) < len(weight):
        rest = float(weight.sum() - weight[shown].sum())
        blanks = [""] * (len(facts[0]) - 1)
        table.add_row("others", f"{len(weight) - len(shown)} events", *blanks, _number(rest), "")
    yield head, table


def _named(about: dict[str, object]) -> str:
    category = f" of category {about['category']}" if about.get("category") is not None else ""
    return f"{about['item']}{category}"


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, header_style="bold", pad_edge=False)
    for header in others:
        table.add_column(header, justify="right")
    return table


def _bar(value: float, largest: float) -> str:
    """Return a bar of eighths of characters, light if the value is negative."""
    if not largest or math.isnan(value):
        return ""
    eighths = round(8 * BAR * abs(value) / largest)
    if value < 0:
        return "░" * max(1, round(eighths / 8))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[rest].strip()


def _number(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.4f}"
