"""A run's predictions, scored again from the file beside its record, unit by unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.errors import RecbenchError
from recbench.metrics import METRICS, Contributions, Metric, metric_of, score_name
from recbench.record import RunRecord, predictions_path

Rows = Mapping[str, NDArray[Any]]

IDENTITY = ("user", "item", "time", "row", "episode", "state")
"""Columns that tell test examples apart, as far as a task has them."""


@dataclass(frozen=True)
class ScoredRun:
    """A run and what each unit of its test data adds to its scores.

    Attributes:
        record: The run.
        units: How many units there are: users, or what `unit_of` says.
        contributions: By score, what each unit adds.
    """

    record: RunRecord
    units: int
    contributions: Mapping[str, Contributions]


def load_predictions(record: Path) -> Rows:
    """Return the columns of the predictions beside the record at `record`.

    Raises:
        RecbenchError: If they are not there or damaged.
    """
    path = predictions_path(record)
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        if not table.column_names:
            raise ValueError("they have no columns")
        return {name: table.column(name).to_numpy() for name in table.column_names}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecbenchError(
            f"the predictions {path} cannot be read ({error}); restore them, or run it again"
        ) from error


def same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Return whether two columns hold the same values; nan is the same as nan."""
    both_real = first.dtype.kind == second.dtype.kind == "f"
    return np.array_equal(first, second, equal_nan=both_real)


def rescored(record: RunRecord, rows: Rows) -> dict[str, float]:
    """Return the scores that predictions have, by the names of the record's.

    Raises:
        RecbenchError: If columns are missing, or hold what cannot be scored.
    """
    found = {}
    with _scoring(record):
        groups = _groups(rows)
        for score in record.scores:
            own = [_compute(record, METRICS[metric_of(score)], groups[name]) for name in
                   _judged(record, score, groups)]  # fmt: skip
            found[score] = sum(own) / len(own)
    return found


def score_run(record: RunRecord, rows: Rows) -> ScoredRun:
    """Return what each unit adds to the scores that predictions have.

    Raises:
        RecbenchError: If columns are missing, or hold what cannot be scored.
    """
    contributions = {}
    with _scoring(record):
        unit, count = unit_of(rows)
        groups = _groups({**rows, "unit": unit})
        for score in record.scores:
            metric = METRICS[metric_of(score)]
            own = []
            for name in _judged(record, score, groups):
                _require(record, metric, groups[name])
                own.append(metric.contributions(groups[name], groups[name]["unit"], count))
            contributions[score] = own[0] if len(own) == 1 else _mean(own, count)
    return ScoredRun(record, count, contributions)


@contextmanager
def _scoring(record: RunRecord) -> Iterator[None]:
    """Turn what metrics refuse into a `RecbenchError` that names the run."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise RecbenchError(
            f"the predictions of {record.model.name}, seed {record.seed}, cannot be scored "
            f"({error}); restore them, or run it again"
        ) from error


def unit_of(rows: Rows) -> tuple[NDArray[np.intp], int]:
    """Return the unit that each row is of, [N], and the number of units.

    That is its user; in cold start its item where an episode has rows of several users, since the
    new ones are few there; and the row itself where there is no user.
    """
    if "user" not in rows:
        length = len(next(iter(rows.values())))
        return np.arange(length), length
    of_items = "episode" in rows and not _constant(rows["episode"], rows["user"])
    name = "item" if of_items else "user"
    units, unit = np.unique(rows[name], return_inverse=True)
    return unit, len(units)


def _constant(group: NDArray[Any], values: NDArray[Any]) -> bool:
    """Return whether the rows of each group have one value."""
    pairs = np.unique(
        np.stack([np.unique(each, return_inverse=True)[1] for each in (group, values)]), axis=1
    )
    return len(pairs[0]) == len(np.unique(group))


def _groups(rows: Rows) -> dict[str, Rows]:
    """Return the rows of what is judged apart: each label, each state, or all as ""."""
    shared = {name: rows[name] for name in (*IDENTITY, "unit") if name in rows}
    labels = [name.partition("/")[2] for name in rows if name.startswith("label/")]
    if labels and score_name("prediction", labels[0]) in rows:
        return {
            label: _chosen(
                {
                    **shared,
                    **{
                        key: rows[score_name(key, label)]
                        for key in ("label", "prediction")
                        if score_name(key, label) in rows
                    },
                },
                ~np.isnan(rows[score_name("label", label)].astype(np.float64)),
            )
            for label in labels
        }
    plain = {name.partition("/")[0]: column for name, column in rows.items()}
    if "state" in rows:
        return {
            str(each): _chosen(plain, rows["state"] == each) for each in np.unique(rows["state"])
        }
    return {"": plain}


def _chosen(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    return {name: column[chosen] for name, column in rows.items()}


def _judged(record: RunRecord, score: str, groups: Iterable[str]) -> list[str]:
    """Return the groups that a score is of, or the mean over."""
    metric, _, group = score.partition("/")
    wanted = [group] if group else [g for g in groups if score_name(metric, g) in record.scores]
    missing = sorted(set(wanted) - set(groups))
    if missing or not wanted:
        raise RecbenchError(
            f"the predictions of {record.model.name}, seed {record.seed}, hold nothing of "
            f"'{missing[0] if missing else score}', which the record has a score of; run it again"
        )
    return wanted


def _compute(record: RunRecord, metric: Metric, rows: Rows) -> float:
    _require(record, metric, rows)
    return metric(rows)


def _require(record: RunRecord, metric: Metric, rows: Rows) -> None:
    missing = [column for column in metric.columns if column not in rows]
    if missing:
        raise RecbenchError(
            f"the predictions of {record.model.name}, seed {record.seed}, have no column "
            f"'{missing[0]}', which {metric.name} needs; run it again"
        )
    for column in metric.columns:
        values = rows[column]
        real = values.dtype.kind in "biuf"
        if column not in IDENTITY and not (real and np.isfinite(values).all()):
            raise ValueError(f"{column}: expected finite numbers")


def _mean(groups: list[Contributions], count: int) -> Contributions:
    """Return the contributions to the mean of several scores, to first order.

    It rests on as many units as Satterthwaite's freedom of a mean over groups of units, Biometrics
    1946, were they as scattered in each; on those of the largest group at most, since groups may
    have the same.
    """
    value = float(np.mean([each.value for each in groups]))
    weight = np.full(count, 1 / count)
    moves = [(each.gain - each.value * each.weight) / each.weight.sum() for each in groups]
    shares = 1 / np.array([max(each.effective, 1) for each in groups])
    freedom = int((shares.sum() ** 2) / (shares**3).sum())
    effective = min(freedom, max(each.effective for each in groups))
    return Contributions(value * weight + np.mean(moves, axis=0), weight, effective)
