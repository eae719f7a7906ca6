"""Scores of cold-start runs state by state: the warm-up curve, straight from the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard import Group, tables
from recbench.metrics import METRICS, Metric, metric_of
from recbench.plugins import find, load_dataset
from recbench.record import RunRecord


@dataclass(frozen=True)
class Curve:
    """What one model, with one configuration, scores in each state.

    Attributes:
        model: The model, and what is special about its configuration.
        seeds: How many runs the means are over.
        mean: Score by metric and state.
        deviation: Its standard deviation over seeds; nan for one.
    """

    model: str
    seeds: int
    mean: dict[tuple[str, str], float]
    deviation: dict[tuple[str, str], float]


@dataclass(frozen=True)
class StateScores:
    """Scores of several models in the states of cold start, on the same data.

    Attributes:
        group: What all runs have in common.
        states: The states, in the protocol's order.
        metrics: The metrics, the primary one first.
        curves: The models, best first.
    """

    group: Group
    states: tuple[str, ...]
    metrics: tuple[Metric, ...]
    curves: tuple[Curve, ...]


def compare_states(records: Sequence[RunRecord]) -> StateScores:
    """Return how cold-start runs score in each state; seeds of one configuration are averaged.

    Raises:
        UsageError: If the runs are not of the same data, split and metrics.
    """
    found = tables(records)
    if len(found) > 1:
        raise UsageError(
            "these records cannot be compared: they differ in data, split or metrics; "
            "`recbench leaderboard` shows which go together"
        )
    (table,) = found
    names = [name for name, _ in table.group.metric_versions if "/" in name]
    metrics = tuple(dict.fromkeys(map(metric_of, names)))
    present = dict.fromkeys(name.partition("/")[2] for name in names)
    order = _order(table.group)
    states = tuple(sorted(present, key=lambda s: order.index(s) if s in order else len(order)))
    curves = []
    for _, row in table.rows.iterrows():
        keys = [(metric, state) for metric in metrics for state in states]
        own = {key: "/".join(key) for key in keys if "/".join(key) in names}
        mean = {key: float(row[f"{name}_mean"]) for key, name in own.items()}
        deviation = {key: float(row[f"{name}_std"]) for key, name in own.items()}
        label = f"{row['model']} ({row['config']})" if row["config"] else str(row["model"])
        curves.append(Curve(label, int(row["seeds"]), mean, deviation))
    return StateScores(table.group, states, tuple(METRICS[name] for name in metrics), tuple(curves))


def _order(group: Group) -> list[str]:
    """Return the states as the dataset's protocol has them; none if it is not installed here."""
    try:
        protocols = load_dataset(find("dataset", group.dataset)).card.protocols
    except RecbenchError:
        return []
    protocol = protocols.get(group.protocol)
    return list(protocol.states) if protocol else []
