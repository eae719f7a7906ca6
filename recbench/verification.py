"""Whether a record says what its files say: its form, its scores, its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recbench.config import RunConfig, config_hash
from recbench.data import PreparedDataset, resolve
from recbench.errors import RecbenchError
from recbench.folders import Folders
from recbench.metrics import METRICS, metric_of, scored_users
from recbench.plain import from_plain
from recbench.plugins import find, load_dataset
from recbench.record import RunRecord, record_path
from recbench.recording import prediction_columns
from recbench.scored import load_predictions, rescored

TOLERANCE = 1e-9
"""How far scores may differ: by the order of a sum, and no more."""


@dataclass(frozen=True)
class Finding:
    """What one check of a record found.

    Attributes:
        check: What was checked: record, versions, scores or data.
        result: `agrees`, `differs`, or `unknown` where it could not be checked here.
        why: What differs, or why nothing is known; empty if it agrees.
    """

    check: Literal["record", "versions", "scores", "data"]
    result: Literal["agrees", "differs", "unknown"]
    why: str = ""


def verify_record(path: Path, folders: Folders) -> list[Finding]:
    """Return what checks of the record at `path` found; the first that differs ends them.

    - record: it has the fields of its version, its hash is that of its configuration, and its name
      says whose it is;
    - versions: its metrics are those of this recbench;
    - scores: the predictions beside it have the scores that it states;
    - data: the prepared data on this machine have its fingerprints, and its predictions are of
      their test examples, with their labels.
    """
    found: list[Finding] = []
    try:
        record = RunRecord.load(path)
        for check in (_record, _versions, _scores, _data):
            found.append(check(record, path, folders))
            if found[-1].result == "differs":
                break
    except RecbenchError as error:
        found.append(Finding("scores" if found else "record", "differs", str(error)))
    return found


def _record(record: RunRecord, path: Path, folders: Folders) -> Finding:
    data = record.dataset
    own = record_path(
        Path(), data.name, data.version, data.protocol, record.model.name,
        record.config_hash, record.seed,
    )  # fmt: skip
    wrong = [
        (
            "its config_hash is not that of its configuration",
            config_hash(record.config) != record.config_hash,
        ),
        ("its seed is not that of its configuration", record.config.get("seed") != record.seed),
        (
            "its model is not that of its configuration",
            record.config.get("model") != record.model.name,
        ),
        (
            f"its place is not the end of its path; it belongs to {own}",
            path.resolve().parts[-4:] != own.parts,
        ),
    ]
    why = "; ".join(text for text, found in wrong if found)
    return Finding("record", "differs" if why else "agrees", why)


def _versions(record: RunRecord, path: Path, folders: Folders) -> Finding:
    moved = [
        f"{name} is v{METRICS[metric_of(name)].version} here and v{version} in the record"
        if metric_of(name) in METRICS
        else f"{name} is not known here"
        for name, version in record.metric_versions.items()
        if metric_of(name) not in METRICS or METRICS[metric_of(name)].version != version
    ]
    return Finding("versions", "differs" if moved else "agrees", "; ".join(moved))


def _scores(record: RunRecord, path: Path, folders: Folders) -> Finding:
    rows = load_predictions(path)
    found: dict[str, float] = rescored(record, rows)
    if record.scored_users is not None:
        found["scored_users"] = scored_users(rows["label"], rows["user"])
    stated = {**record.scores, "scored_users": record.scored_users}
    wrong = [
        f"{name} is {stated[name]:.6g} in the record and {value:.6g} by its predictions"
        for name, value in found.items()
        if not _close(stated[name] or 0.0, value)
    ]
    return Finding("scores", "differs" if wrong else "agrees", "; ".join(wrong))


def _data(record: RunRecord, path: Path, folders: Folders) -> Finding:
    try:
        dataset = load_dataset(find("dataset", record.dataset.name))
        config = from_plain(RunConfig, record.config)
        folder = resolve(dataset, config.data, folders).folder(folders.cache)
    except (RecbenchError, ValueError) as error:
        return Finding("data", "unknown", str(error))
    if dataset.card.version != record.dataset.version:
        why = f"the dataset is v{dataset.card.version} here and v{record.dataset.version} there"
        return Finding("data", "differs", why)
    if not (folder / "manifest.json").exists():
        return Finding("data", "unknown", "not prepared here; `recbench data prepare` does it")
    prepared = PreparedDataset(folder, config.data.limit)
    stated = vars(record.dataset.fingerprints)
    moved = [
        part for part, print_ in stated.items() if prepared.manifest.fingerprints[part] != print_
    ]
    if moved:
        why = f"the {' and '.join(moved)} part has another fingerprint here"
        return Finding("data", "differs", why)
    return _examples(prepared, load_predictions(path))


def _examples(prepared: PreparedDataset, rows: Mapping[str, Any]) -> Finding:
    expected = prediction_columns(prepared, prepared.open_test(), {})
    wrong = [
        name
        for name, column in expected.items()
        if name not in rows or not _same(np.asarray(rows[name]), np.asarray(column))
    ]
    why = f"the predictions have another {wrong[0]} than the test part" if wrong else ""
    return Finding("data", "differs" if wrong else "agrees", why)


def _same(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    return np.array_equal(first, second, equal_nan="f" in (first.dtype.kind, second.dtype.kind))


def _close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (
        math.isnan(first) and math.isnan(second)
    )
