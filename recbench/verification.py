"""Whether a record says what its files say: its form, its scores, its data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from recbench.config import RunConfig, config_hash
from recbench.data import DataConfig, Part, PreparedDataset, resolve
from recbench.errors import RecbenchError
from recbench.evaluate import attainable
from recbench.folders import Folders
from recbench.metrics import METRICS, metric_of, scored_users
from recbench.plain import finite, from_plain
from recbench.plugins import find, load_dataset
from recbench.record import RunRecord, record_path
from recbench.recording import prediction_columns
from recbench.scored import Rows, load_predictions, rescored, same
from recbench.task import TOP

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

    - record: it has the fields of its version, it states what its configuration does, and its
      place says whose it is;
    - versions: its metrics are those of this recbench;
    - scores: the predictions beside it have the scores that it states;
    - data: the prepared data on this machine are what it says of them, with its fingerprints,
      and its predictions are of their test examples, with their labels.
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
    asked = DataConfig(data.name, data.protocol, data.source, data.size or "", data.limit or 0)
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
            (record.config.get("model"), record.config.get("model_config"))
            != (record.model.name, record.model.config),
        ),
        ("its dataset is not that of its configuration", record.config.get("data") != vars(asked)),
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
    found: dict[str, float | None] = {**rescored(record, rows), "scored_users": None}
    if "gauc" in found:
        found["scored_users"] = scored_users(rows["label"], rows["user"])
    stated = {**record.scores, "scored_users": record.scored_users}
    wrong = [
        f"{name} is {_shown(stated[name])} in the record and {_shown(value)} by its predictions"
        for name, value in found.items()
        if not _close(stated[name], value)
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
    test = prepared.open_test()
    why = _described(record, prepared, test) or _examples(prepared, test, load_predictions(path))
    return Finding("data", "differs" if why else "agrees", why)


def _described(record: RunRecord, prepared: PreparedDataset, test: Part) -> str:
    """Return what the record says otherwise of its data than they are; empty if nothing."""
    data, manifest = record.dataset, prepared.manifest
    stated, known = data.attainable or {}, attainable(test) or {}
    right = {
        "task": record.task == manifest.task,
        "scores": record.scores.keys() == set(prepared.task.scores(prepared.schema)),
        "source": data.source == manifest.source,
        "size": data.size == (manifest.size or None),
        "limit": data.limit == (prepared.limit or None),
        "leakage": data.leakage == finite(manifest.leakage),
        "attainable": stated.keys() == known.keys()
        and all(_close(stated[name], known[name]) for name in known),
    }
    wrong = [name for name, agrees in right.items() if not agrees]
    return f"not as the prepared data have them: {', '.join(wrong)}" if wrong else ""


def _examples(prepared: PreparedDataset, test: Part, rows: Rows) -> str:
    """Return how predictions are not of the test examples; empty if they are."""
    expected = prediction_columns(prepared, test, {})
    for name, column in expected.items():
        if name not in rows or not same(rows[name], np.asarray(column)):
            return f"the predictions have another {name} than the test part"
    if "rank" not in rows:
        return ""
    tops = [f"top{place}" for place in range(1, min(TOP, prepared.schema.items) + 1)]
    if missing := [name for name in tops if name not in rows]:
        return f"the predictions have no column {missing[0]}"
    found = np.stack([rows[name] == rows["item"] for name in tops])
    place = np.where(found.any(0), found.argmax(0) + 1, len(tops) + 1)
    # Items that score the same share their mean place, so none stands beyond 2 * rank - 1.
    beyond = place > 2 * rows["rank"] - 1
    return "the predictions have ranks that their top items contradict" if beyond.any() else ""


def _shown(score: float | None) -> str:
    return "nothing" if score is None else f"{score:.6g}"


def _close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (
        math.isnan(first) and math.isnan(second)
    )
