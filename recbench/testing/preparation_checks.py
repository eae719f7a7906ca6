"""Checks of what preparation makes of a dataset's sample."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recbench.batch import EpisodeBatch, Reads
from recbench.data import Part, PreparedDataset, open_loader, verify_prepared
from recbench.data.protocol import GlobalTime, Protocol
from recbench.testing.dataset_subject import DatasetSubject
from recbench.testing.require import require

KEY = ("user", "item", "time", "history_start", "history_stop")
"""What tells the examples of a log apart."""


def check_preparation(subject: DatasetSubject) -> None:
    """Each protocol prepares the sample, loses no row of it, and fills every part."""
    for name in subject.card.protocols:
        prepared = subject.prepare(name)
        subject.keep(name, prepared)
        damaged = verify_prepared(prepared.folder)
        require(not damaged, f"{name}: what is written does not verify: {', '.join(damaged)}")
        lost = [each for each in prepared.manifest.reports if "malformed" in each]
        require(not lost, f"{name}: rows of the sample are not read: {lost and lost[0]}")


def check_fingerprints(subject: DatasetSubject) -> None:
    """Preparing the same files again gives the same rows, in the same parts."""
    for name in subject.card.protocols:
        first = subject.prepared(name).manifest.fingerprints
        second = subject.prepare(name).manifest.fingerprints
        changed = [part for part, value in first.items() if second.get(part) != value]
        cause = (
            f"{name}: the same files give another {' and '.join(changed)} the second time; "
            "number rows in the file's order, and let nothing be random"
        )
        require(not changed, cause)


def check_parts(subject: DatasetSubject) -> None:
    """No example is in two parts, and none knows what comes after it."""
    for name, protocol in subject.card.protocols.items():
        prepared = subject.prepared(name)
        parts = {part.name: part for part in _parts(prepared)}
        if "row" in parts["train"].columns:
            keys: tuple[str, ...] = ("row",)
        elif isinstance(protocol, Protocol) and not protocol.selects_on_test:
            keys = KEY
        else:
            continue  # episodes share rows: what is support of one may be asked in another
        for one, other in combinations(parts, 2):
            shared = _rows(parts[one], keys) & _rows(parts[other], keys)
            require(not shared, f"{name}: {len(shared)} examples are in {one} and in {other}")
        if keys == KEY and isinstance(protocol, Protocol):
            _require_order(name, prepared, protocol, parts)


def check_labels(subject: DatasetSubject) -> None:
    """Labels are what the card says, and every part can be scored by them."""
    for name in subject.card.protocols:
        prepared = subject.prepared(name)
        for part in _parts(prepared):
            if not prepared.schema.labels:
                items = np.unique(np.asarray(part.item))
                require(len(items) > 1, f"{name}: all targets of {part.name} are one item")
            for field in prepared.schema.of("label"):
                values = np.asarray(part.columns[field.name], np.float64)
                values = values[~np.isnan(values)]
                found = np.unique(values)
                where = f"{name}: the label '{field.name}' of {part.name}"
                require(bool(np.isfinite(found).all()), f"{where} has a value that is not finite")
                binary = not field.size or set(found) <= {0.0, 1.0}
                require(binary, f"{where} has other values than 0 and 1")
                require(len(found) > 1, f"{where} is always {found}; no model can be told by it")


def check_batches(subject: DatasetSubject) -> None:
    """The training part comes in batches, all of whose ids are in the schema."""
    for name in subject.card.protocols:
        prepared = subject.prepared(name)
        loader = open_loader(prepared, prepared.part("train"), Reads(), batch_size=8)
        batch = next(iter(loader))
        kind = EpisodeBatch if prepared.manifest.states else prepared.task.batch
        wrong = f"{name}: a batch is a {type(batch).__name__} and not a {kind.__name__}"
        require(isinstance(batch, kind), wrong)
        shown = batch.support if isinstance(batch, EpisodeBatch) else batch
        for field, ids in shown.features.fields.items():
            size = prepared.schema[field].size
            within = not len(ids) or 0 <= int(ids.min()) <= int(ids.max()) < size
            require(within, f"{name}: ids of '{field}' are not below its size, {size}")


def _require_order(
    name: str, prepared: PreparedDataset, protocol: Protocol, parts: dict[str, Part]
) -> None:
    """Require that histories end before their targets, and parts by time before the next."""
    if not protocol.timed:
        return
    times = np.asarray(prepared.interactions["time"])
    for part in parts.values():
        start, stop = (np.asarray(part.columns[f"history_{end}"]) for end in ("start", "stop"))
        told = stop > start
        late = times[stop[told] - 1] > np.asarray(part.time)[told]
        require(not late.any(), f"{name}: histories of {part.name} hold events after their target")
    if isinstance(protocol.split, GlobalTime):
        for one, other in (("train", "valid"), ("valid", "test")):
            last, first = (np.asarray(parts[each].time) for each in (one, other))
            require(bool(last.max() < first.min()), f"{name}: {one} does not end before {other}")


def _parts(prepared: PreparedDataset) -> Iterator[Part]:
    yield prepared.part("train")
    yield prepared.part("valid")
    yield prepared.open_test()


def _rows(part: Part, keys: tuple[str, ...]) -> set[tuple[int, ...]]:
    columns: list[NDArray[np.int64]] = [np.asarray(part.columns[key], np.int64) for key in keys]
    return set(zip(*(column.tolist() for column in columns), strict=True))
