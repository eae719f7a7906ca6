"""Models compared in pairs on the same test data, and which of them cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from recbench.errors import RecbenchError, UsageError, unknown_name
from recbench.leaderboard.group import Group
from recbench.leaderboard.label import label_configs
from recbench.metrics import Contributions
from recbench.metrics.statistics import LEVEL, Difference, Interval, Resampling, holm
from recbench.record import RunRecord
from recbench.scored import IDENTITY, Rows, ScoredRun, load_predictions, score_run

TOLERANCE = 1e-6
"""How far a score may be from that of its predictions, which is summed in another order."""

Name = tuple[str, str]
"""A model and the hash of its configuration."""


@dataclass(frozen=True)
class Contender:
    """The seeds of one model with one configuration, scored on the same test data.

    Attributes:
        label: The model, and what is special about its configuration if it has several.
        runs: Its runs, by seed.
    """

    label: str
    runs: tuple[ScoredRun, ...]

    def contributions(self, score: str) -> list[Contributions]:
        """Return what each unit adds to a score, for each seed."""
        return [run.contributions[score] for run in self.runs]


@dataclass(frozen=True)
class Pair:
    """Two models and one score.

    Attributes:
        first: The first model's label.
        second: The second model's.
        score: The score.
        values: Both models' means over seeds.
        difference: The first's minus the second's.
        adjusted: Its p-value with Holm's correction for all pairs and scores of the comparison.
    """

    first: str
    second: str
    score: str
    values: tuple[float, float]
    difference: Difference
    adjusted: float


@dataclass(frozen=True)
class Comparison:
    """Models compared on the test part of one split.

    Attributes:
        group: What the runs have in common.
        units: How many users, or other units, the chance is over.
        seeds: By label, how many seeds.
        pairs: Every pair and score.
    """

    group: Group
    units: int
    seeds: Mapping[str, int]
    pairs: tuple[Pair, ...]


def compare(
    records: Iterable[RunRecord], root: Path, models: Sequence[str], scores: Sequence[str] = ()
) -> list[Comparison]:
    """Compare models in all pairs, once for each split on which all of them have runs.

    Args:
        records: Runs of any kind.
        root: The results folder.
        models: Models by name, or NAME@HASH with the first digits of a configuration's hash.
        scores: Which scores; all if empty.

    Raises:
        UsageError: If no split has all of them, or a name stands for several configurations.
        RecbenchError: If predictions are missing, damaged, or not of the same examples.
    """
    chosen = sorted(records, key=lambda record: Group.of(record).sort_key())
    found = []
    for group, own in groupby(chosen, key=Group.of):
        runs = list(own)
        if all(any(_means(model, run) for run in runs) for model in models):
            found.append(_comparison(group, runs, root, models, scores))
    if not found:
        raise UsageError(
            f"no split has records of all of {', '.join(models)} in {root}; "
            "`recbench leaderboard` shows what there is"
        )
    return found


def contenders(
    runs: Sequence[RunRecord], root: Path, labels: Mapping[Name, str]
) -> dict[Name, Contender]:
    """Return the runs of one group by model and configuration, scored from their predictions.

    Args:
        runs: The runs.
        root: The results folder.
        labels: What is special about each configuration, as `label_configs` says.

    Raises:
        RecbenchError: If predictions are missing, damaged, not of the same examples, or have other
            scores than their record.
    """
    shared: Rows = {}
    scored: dict[Name, list[ScoredRun]] = {}
    for run in sorted(runs, key=attrgetter("seed")):
        rows = load_predictions(run.path(root))
        kept = {
            name: column
            for name, column in rows.items()
            if name in IDENTITY or name.partition("/")[0] == "label"
        }
        shared = shared or kept
        if shared.keys() != kept.keys() or not all(
            np.array_equal(kept[name], shared[name], equal_nan=kept[name].dtype.kind == "f")
            for name in kept
        ):
            raise RecbenchError(
                f"the predictions of {run.path(root)} are not of the examples that other runs of "
                "this split have; run it again"
            )
        found = score_run(run, rows)
        _require_stated(found, run.path(root))
        scored.setdefault((run.model.name, run.config_hash), []).append(found)
    return {
        name: Contender(f"{name[0]} ({labels[name]})" if labels[name] else name[0], tuple(own))
        for name, own in scored.items()
    }


def _require_stated(run: ScoredRun, path: Path) -> None:
    """Raise `RecbenchError` unless predictions have the scores that their record states."""
    for score, own in run.contributions.items():
        stated = run.record.scores[score]
        if not np.isclose(own.value, stated, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise RecbenchError(
                f"{path}: {score} is {stated:.6g} in the record and {own.value:.6g} by its "
                "predictions; restore both, or run it again"
            )


def bands(contenders: Mapping[Name, Contender], group: Group) -> dict[Name, tuple[int, Interval]]:
    """Return each model's rank and the interval of its primary score.

    The rank is one more than the number of models that are better beyond chance, with Holm's
    correction for all pairs; models that cannot be told apart may thus share one.
    """
    metric, names = group.metrics[0], list(contenders)
    draws = _resampling(contenders.values())
    own = {name: each.contributions(metric.name) for name, each in contenders.items()}
    pairs = list(combinations(names, 2))
    differences = [draws.difference(own[a], own[b]) for a, b in pairs]
    better = dict.fromkeys(names, 0)
    for (a, b), found, p in zip(
        pairs, differences, holm([each.p_value for each in differences]), strict=True
    ):
        if p < 1 - LEVEL:
            better[b if (found.value > 0) == metric.higher_is_better else a] += 1
    return {name: (1 + better[name], draws.interval(own[name], metric.range)) for name in names}


def _comparison(
    group: Group,
    runs: Sequence[RunRecord],
    root: Path,
    models: Sequence[str],
    scores: Sequence[str],
) -> Comparison:
    known = [metric.name for metric in group.metrics]
    for score in scores:
        if score not in known:
            raise unknown_name("score", score, known)
    names = [_name(model, runs) for model in models]
    if len(set(names)) < len(names):
        raise UsageError("the same model and configuration is given twice")
    own = [run for run in runs if (run.model.name, run.config_hash) in names]
    every = contenders(own, root, label_configs(runs))
    chosen = [every[name] for name in names]
    draws = _resampling(chosen)
    asked = [
        (a, b, score, draws.difference(a.contributions(score), b.contributions(score)))
        for a, b in combinations(chosen, 2)
        for score in scores or known
    ]
    adjusted = holm([difference.p_value for *_, difference in asked])
    pairs = tuple(
        Pair(
            a.label,
            b.label,
            score,
            (_mean(a, score), _mean(b, score)),
            difference,
            float(p),
        )
        for (a, b, score, difference), p in zip(asked, adjusted, strict=True)
    )
    seeds = {each.label: len(each.runs) for each in chosen}
    return Comparison(group, chosen[0].runs[0].units, seeds, pairs)


def _resampling(chosen: Iterable[Contender]) -> Resampling:
    return Resampling(next(iter(chosen)).runs[0].units)


def _mean(contender: Contender, score: str) -> float:
    return float(np.mean([each.value for each in contender.contributions(score)]))


def _means(model: str, run: RunRecord) -> bool:
    """Return whether a name, perhaps with the beginning of a hash, is that of a run."""
    name, _, start = model.partition("@")
    return run.model.name == name and run.config_hash.startswith(start)


def _name(model: str, runs: Sequence[RunRecord]) -> Name:
    own = {(run.model.name, run.config_hash) for run in runs if _means(model, run)}
    if len(own) > 1:
        labels = label_configs(runs)
        listed = "; ".join(
            f"{name}@{digest[:8]} ({labels[name, digest]})" for name, digest in sorted(own)
        )
        raise UsageError(
            f"{model} has several configurations on {runs[0].dataset.name}: {listed}; name one"
        )
    return own.pop()
