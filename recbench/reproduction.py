"""A recorded run made again, and how far the second result is from the first."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.config import RunConfig
from recbench.device import without_number
from recbench.errors import RecbenchError
from recbench.folders import Folders
from recbench.pipeline import run
from recbench.plain import from_plain
from recbench.progress import SILENT, Progress
from recbench.record import RunRecord
from recbench.scored import load_predictions, same

NUMBERS = ("prediction", "rank")
"""Columns that can change a little."""


@dataclass(frozen=True)
class Reproduction:
    """Two runs of one configuration.

    Attributes:
        record: The recorded run.
        again: The second one.
        differences: What the second changed in each score; nan if only one of them has it.
        predictions: Largest change of a prediction or rank; nan if they cannot be compared.
        columns: Columns of the predictions that are not the same to the last bit.
        notes: What is not the same about code, machine or software, in sentences.
    """

    record: RunRecord
    again: RunRecord
    differences: dict[str, float]
    predictions: float
    columns: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether every prediction, and with them every score, is the same to the last bit."""
        return not self.columns and not any(self.differences.values())


def reproduce(
    path: Path, folders: Folders, progress: Progress = SILENT, device: str = ""
) -> Reproduction:
    """Make the run of the record at `path` again; its own files stay as they are.

    Args:
        path: The record.
        folders: Where data are.
        progress: Who is told how it goes.
        device: Where to make it; on one of the record's kind if empty.

    Raises:
        RecbenchError: If the record cannot be read, or its run cannot be made here, with the cause.
    """
    record = RunRecord.load(path)
    first = load_predictions(path)
    try:
        config = from_plain(RunConfig, record.config)
    except ValueError as error:
        raise RecbenchError(f"{path}: its configuration cannot be read: {error}") from error
    config = replace(config, device=device or without_number(config.device))
    with tempfile.TemporaryDirectory(prefix="recbench-") as scratch:
        again = run(config, replace(folders, results=Path(scratch)), progress, again=True)
        _require_same_data(record, again)
        second = load_predictions(again.path(Path(scratch)))
    changes = {name: _change(first.get(name), second.get(name)) for name in {**second, **first}}
    predictions = [change for name, change in changes.items() if name.partition("/")[0] in NUMBERS]
    differences = {
        name: _difference(record.scores.get(name, np.nan), again.scores.get(name, np.nan))
        for name in {**record.scores, **again.scores}
    }
    return Reproduction(
        record,
        again,
        differences,
        float(np.max(predictions)),
        tuple(name for name, change in changes.items() if change != 0),
        _notes(record, again),
    )


def _change(first: NDArray[Any] | None, second: NDArray[Any] | None) -> float:
    """Return the largest change in a column: 0 if it is the same, nan if that is unknown."""
    if first is None or second is None:
        return np.nan
    if same(first, second):
        return 0.0
    numbers = first.dtype.kind in "biuf" and second.dtype.kind in "biuf"
    if not numbers or len(first) != len(second):
        return np.nan
    return float(np.max(np.abs(first.astype(np.float64) - second)))


def _difference(first: float, second: float) -> float:
    """Return what a score has changed by; 0 if it is undefined in both runs."""
    return 0.0 if np.isnan(first) and np.isnan(second) else second - first


def _require_same_data(record: RunRecord, again: RunRecord) -> None:
    """Raise `RecbenchError` unless both runs have one split."""
    stated, found = vars(record.dataset.fingerprints), vars(again.dataset.fingerprints)
    if moved := [part for part in stated if stated[part] != found[part]]:
        raise RecbenchError(
            f"cannot be reproduced here: {record.dataset.name} has another fingerprint of its "
            f"{' and '.join(moved)} part; its raw files or preparation are not those of the record"
        )


def _notes(record: RunRecord, again: RunRecord) -> tuple[str, ...]:
    """Return what may explain a difference."""
    pairs = {
        "the model's code": (record.model.hash, again.model.hash),
        "recbench": (record.environment.recbench, again.environment.recbench),
        "torch": (record.environment.torch, again.environment.torch),
        "python": (record.environment.python, again.environment.python),
        "the device": (record.environment.device, again.environment.device),
        "the processor": (record.environment.cpu, again.environment.cpu),
        "the number of threads": (record.environment.threads, again.environment.threads),
        "the operators": (record.operators, again.operators),
        "the commit": (record.git and record.git.commit, again.git and again.git.commit),
    }
    return tuple(
        f"{what} was {_short(old)} and is {_short(new)}"
        for what, (old, new) in pairs.items()
        if old != new
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
