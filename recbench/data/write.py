"""Writing a prepared dataset: tables, vocabularies, category index, manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import Dataset
from recbench.data.coded_log import CodedLog, code_log
from recbench.data.columns import Spool, write_table
from recbench.data.describe import characteristics, leakage
from recbench.data.examples import SplitLog, chunks
from recbench.data.gather import category_index
from recbench.data.ingest import RawLog
from recbench.data.manifest import FORMAT, Manifest, file_checksum, file_facts
from recbench.data.oracle import attainable, oracle_scores
from recbench.data.protocol import PARTS, require_parts
from recbench.data.samples import ORACLE, write_samples
from recbench.data.vectors import write_vectors
from recbench.errors import DataError
from recbench.schema import FIRST_ID


def write_prepared(
    dataset: Dataset,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    log: RawLog,
    split: SplitLog,
    raw: Path,
    folder: Path,
) -> None:
    """Write everything that a prepared folder holds.

    Args:
        dataset: The plugin.
        settings: What decided the result.
        files: The raw files that were read.
        log: The log.
        split: Its parts.
        raw: Where simulated raw files are.
        folder: Where to write.
    """
    card, protocol = dataset.card, dataset.card.protocols[settings["protocol"]["name"]]
    parts = {part: len(examples.user) for part, examples in split.examples.items()}
    if split.given_up and not all(parts.values()):
        raise DataError(
            f"{card.name}: {split.given_up:,} targets are left out, since their users have met "
            "every item that could be a negative, and a part has no others; more items are needed"
        )
    require_parts(parts, card.name)
    coded = code_log(log, split, card, protocol)
    _write_log(coded, folder)
    for name, context in coded.contexts.items():
        write_table(folder / f"fields/{name}.arrow", {"value": context.values})
    for part, examples in split.examples.items():
        columns = coded.columns(part)
        if part == "test" and attainable(dataset, settings):
            columns[ORACLE] = oracle_scores(dataset, log, examples, raw)
        labels = () if examples.label is None else (coded.label,)
        write_samples(folder, part, columns, labels, split.episodes.get(part))
    for part, episodes in split.episodes.items():
        write_table(folder / f"episodes/{part}.arrow", episodes)
    _manifest(dataset, settings, files, coded, folder).save(folder)


def _manifest(
    dataset: Dataset,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    coded: CodedLog,
    folder: Path,
) -> Manifest:
    """Return the manifest of a folder whose tables have been written."""
    card, name = dataset.card, settings["protocol"]["name"]
    protocol, log, split = card.protocols[name], coded.log, coded.split
    tables = sorted(folder.rglob("*.arrow"))
    return Manifest(
        format=FORMAT,
        dataset=card.name,
        version=card.version,
        task=card.task,
        protocol=name,
        source=settings["source"],
        size=settings["size"],
        settings=dict(settings),
        files=file_facts(files),
        fields=[vars(field) for field in coded.schema(card, protocol)],
        counts=coded.counts() | {part: len(split.examples[part].user) for part in PARTS},
        fingerprints=coded.fingerprints(folder),
        tables={path.relative_to(folder).as_posix(): file_checksum(path) for path in tables},
        characteristics=characteristics(log, split, protocol),
        leakage=leakage(protocol, split),
        reports=_reports(log, split),
        attainable=attainable(dataset, settings),
        states=protocol.states,
    )


def _write_log(coded: CodedLog, folder: Path) -> None:
    log, users, items = coded.log, coded.users, coded.items
    columns = log.spool.columns
    with Spool(folder / "spool", len(columns["item"]), {"item": np.int32}) as spool:
        for start, stop in chunks(columns["user"]):
            spool.columns["item"][start:stop] = items.renumbering.ids[columns["item"][start:stop]]
        events = {"item": spool.columns["item"], "time": columns["time"]}
        events |= {"behaviour": columns["behaviour"]} if log.behaviours else {}
        write_table(folder / "interactions.arrow", events)
    bounds = np.searchsorted(columns["user"], np.arange(len(log.users) + 1))
    order = users.renumbering.order
    special = np.zeros(FIRST_ID, np.int64)
    starts = np.concatenate((special, bounds[:-1][order]))
    stops = np.concatenate((special, bounds[1:][order]))
    write_table(folder / "users.arrow", {**users.table("user"), "start": starts, "stop": stops})
    write_table(folder / "items.arrow", items.table("item"))
    write_vectors(folder, items.vectors, items.renumbering)
    for side in (users, items):
        for name, own in side.fields.items():
            write_table(folder / f"fields/{name}.arrow", {"value": own.values})
    if log.behaviours:
        write_table(folder / "fields/behaviour.arrow", {"value": pa.array(log.behaviours)})
    if "category" in items.fields:
        _write_category_index(coded, bounds, folder)


def _write_category_index(coded: CodedLog, bounds: NDArray[np.int64], folder: Path) -> None:
    columns, items = coded.log.spool.columns, coded.items
    by_item = items.fields["category"].ids[items.renumbering.ids]
    types = {"position": np.int64, "category": np.int32}
    with Spool(folder / "spool", len(columns["item"]), types) as spool:
        for start, stop in chunks(columns["user"]):
            category = by_item[columns["item"][start:stop]]
            first, last = columns["user"][start], columns["user"][stop - 1]
            offsets = bounds[first : last + 2] - start
            spool.columns["category"][start:stop] = category
            spool.columns["position"][start:stop] = category_index(offsets, category) + start
        write_table(folder / "category_index.arrow", spool.columns)


def _reports(log: RawLog, split: SplitLog) -> list[str]:
    reports = log.rejected.reports
    if log.out_of_range:
        reports.append(f"{log.out_of_range:,} rows left out: their time is out of range")
    reports += log.unmatched
    if split.given_up:
        reports.append(
            f"{split.given_up:,} targets left out: no item is left that their user never met"
        )
    if split.unseen:
        reports.append(f"{split.unseen:,} targets left out: the training part has no such item")
    return [*reports, *split.reports]
