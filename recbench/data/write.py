"""Writing a prepared dataset: tables, vocabularies, category index, fingerprints, manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import LABEL, AnyProtocol, Dataset
from recbench.data.columns import Spool, write_table
from recbench.data.contexts import Context, code_contexts, context_texts
from recbench.data.describe import characteristics, leakage
from recbench.data.examples import Examples, SplitLog, chunks
from recbench.data.gather import category_index, window
from recbench.data.ingest import RawLog
from recbench.data.manifest import (
    FORMAT,
    Manifest,
    fields_fingerprint,
    file_checksum,
    file_facts,
    fingerprint,
)
from recbench.data.protocol import PARTS, require_parts
from recbench.data.samples import ORACLE, write_samples
from recbench.data.vectors import Vectors, read_vectors, vectors_fingerprint, write_vectors
from recbench.data.vocabulary import Coded, Renumbering, encode, renumber
from recbench.errors import DataError
from recbench.schema import FIRST_ID, PADDING, UNSEEN, Field, Role
from recbench.task import CTR

ROWS = 1 << 13
"""Examples whose whole histories are held at a time."""


@dataclass(frozen=True)
class Side:
    """Users or items: final ids, coded fields, vectors; of sequences also the real users' ids."""

    renumbering: Renumbering
    raw: pa.Array
    fields: Mapping[str, Coded]
    group: Coded | None = None
    vectors: Mapping[str, Vectors] = field(default_factory=dict)

    def schema(self, role: Role) -> list[Field]:
        """Return the side's fields, the id itself first."""
        size = self.group.size if self.group else self.renumbering.size
        first = Field("user" if role == "user" else "item", role, size)
        coded = [Field(name, role, coded.size) for name, coded in self.fields.items()]
        return [first, *coded, *(own.field(name) for name, own in self.vectors.items())]

    def table(self, key: str) -> dict[str, Any]:
        """Return the side's columns, a row for each final id."""
        ordered = self.raw.take(pa.array(self.renumbering.order))
        raw = pa.concat_arrays([pa.nulls(FIRST_ID, self.raw.type), ordered])
        group = {"group": self.group.ids} if self.group else {}
        return {key: raw, **group, **{name: coded.ids for name, coded in self.fields.items()}}


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
    numbers = renumber(split.train_users), renumber(split.train_items, split.new_items)
    users, items = (
        _side(own, raw_ids, fields, protocol, card.optional)
        for own, raw_ids, fields in zip(
            numbers, (log.users, log.items), (log.user_fields, log.item_fields), strict=True
        )
    )
    parts = {part: len(examples.user) for part, examples in split.examples.items()}
    if split.given_up and not all(parts.values()):
        raise DataError(
            f"{card.name}: {split.given_up:,} targets are left out, since their users have met "
            "every item that could be a negative, and a part has no others; more items are needed"
        )
    require_parts(parts, card.name)
    if log.groups is not None:
        users = replace(users, group=encode(log.users, users.renumbering))
    vectors = {name: own for name, own in log.vectors.items() if name not in protocol.left_out}
    items = replace(items, vectors=vectors)
    _write_log(log, users, items, folder)
    contexts = code_contexts(log.contexts, split)
    for name, context in contexts.items():
        write_table(folder / f"fields/{name}.arrow", {"value": context.values})
    label = next((field.name for field in card.label_fields(protocol)), LABEL)
    for part, examples in split.examples.items():
        bound = part == "test" and _attainable(dataset, settings)
        oracle = _oracle(dataset, log, examples, raw) if bound else None
        columns = _columns(examples, label, users, items, contexts)
        columns |= {} if log.groups is None else {"group": log.groups[examples.user]}
        columns |= {} if oracle is None else {ORACLE: oracle}
        labels = () if examples.label is None else (label,)
        write_samples(folder, part, columns, labels, split.episodes.get(part))
    for part, episodes in split.episodes.items():
        write_table(folder / f"episodes/{part}.arrow", episodes)
    _manifest(dataset, settings, files, log, split, users, items, contexts, folder).save(folder)


def _manifest(
    dataset: Dataset,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    log: RawLog,
    split: SplitLog,
    users: Side,
    items: Side,
    contexts: Mapping[str, Context],
    folder: Path,
) -> Manifest:
    """Return the manifest of a folder whose tables have been written."""
    card, name = dataset.card, settings["protocol"]["name"]
    protocol = card.protocols[name]
    fields = [] if card.sessions else users.schema("user")
    fields += items.schema("item")
    fields += [context.field(each) for each, context in contexts.items()]
    if split.examples["train"].label is not None:
        fields += card.label_fields(protocol) or [Field(LABEL, "label", 2)]
    counts = {"interactions": len(log.spool.columns["user"])}
    if log.groups is not None:
        counts["sequences"] = len(log.users)
    real_users = len(log.users) if log.groups is None else int(log.groups.max()) + 1
    counts |= {"users": real_users, "items": len(log.items)}
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
        fields=[vars(field) for field in fields],
        counts=counts | {part: len(split.examples[part].user) for part in PARTS},
        fingerprints=_fingerprints(log, split, users, items, contexts, folder),
        tables={path.relative_to(folder).as_posix(): file_checksum(path) for path in tables},
        characteristics=characteristics(log, split, protocol),
        leakage=leakage(protocol, split),
        reports=_reports(log, split),
        attainable=_attainable(dataset, settings),
        states=protocol.states,
    )


def _attainable(dataset: Dataset, settings: Mapping[str, Any]) -> bool:
    """Return whether the dataset knows the score of click prediction that no model can pass."""
    if settings["source"] != "simulated" or dataset.card.task != CTR.name:
        return False
    drawn = getattr(dataset.card.protocols[settings["protocol"]["name"]], "negatives", None)
    return drawn is None or (drawn.distribution, drawn.never) == ("popularity", "log")


def _side(
    renumbering: Renumbering,
    raw: pa.Array,
    fields: Mapping[str, pa.Array],
    protocol: AnyProtocol,
    optional: tuple[str, ...],
) -> Side:
    """Return users or items with those fields that a protocol leaves in."""
    coded = {
        name: encode(values, renumbering, PADDING if name in optional else UNSEEN)
        for name, values in fields.items()
        if name not in protocol.left_out
    }
    return Side(renumbering, raw, coded)


def _write_log(log: RawLog, users: Side, items: Side, folder: Path) -> None:
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
        for name, coded in side.fields.items():
            write_table(folder / f"fields/{name}.arrow", {"value": coded.values})
    if log.behaviours:
        write_table(folder / "fields/behaviour.arrow", {"value": pa.array(log.behaviours)})
    if "category" in items.fields:
        _write_category_index(log, items, bounds, folder)


def _write_category_index(
    log: RawLog, items: Side, bounds: NDArray[np.int64], folder: Path
) -> None:
    columns = log.spool.columns
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


def _columns(
    examples: Examples, label: str, users: Side, items: Side, contexts: Mapping[str, Context]
) -> dict[str, NDArray[Any]]:
    """Return the columns of a part's examples, as they are stored and fingerprinted."""
    return {
        "user": users.renumbering.ids[examples.user],
        "item": items.renumbering.ids[examples.item],
        **({} if examples.label is None else {label: examples.label}),
        "time": examples.time,
        "history_start": examples.history_start,
        "history_stop": examples.history_stop,
        **{name: each.ids[examples.contexts[name]] for name, each in contexts.items()},
    }


def _oracle(dataset: Dataset, log: RawLog, test: Examples, raw: Path) -> NDArray[np.float64]:
    user, item = (
        ids.take(pa.array(numbers)).to_numpy()
        for ids, numbers in ((log.users, test.user), (log.items, test.item))
    )
    scores = dataset.oracle(raw, user, test.time, item)
    # A negative is never an item the user has met, so an item met before can only be a positive.
    scores[_met_before(log, test)] = scores.max() + 1
    return scores


def _met_before(log: RawLog, examples: Examples) -> NDArray[np.bool_]:
    """Return whether the target of each example is in its own history, [M]."""
    met = np.zeros(len(examples.item), bool)
    for first in range(0, len(met), ROWS):
        rows = slice(first, first + ROWS)
        offsets, positions = window(examples.history_start[rows], examples.history_stop[rows], -1)
        owner = np.repeat(np.arange(first, first + len(offsets) - 1), np.diff(offsets))
        hits = log.spool.columns["item"][positions] == examples.item[owner]
        met[owner[hits]] = True
    return met


def _fingerprints(
    log: RawLog,
    split: SplitLog,
    users: Side,
    items: Side,
    contexts: Mapping[str, Context],
    folder: Path,
) -> dict[str, str]:
    ids = {"user": log.users, "item": log.items}
    names = [name for name in ("user", "item", "time", "behaviour") if name in log.spool.columns]
    found = {"log": fingerprint("", {name: log.spool.columns[name] for name in names}, ids)}
    coded = {**users.fields, **items.fields}
    fields = {name: (each.ids, each.values) for name, each in coded.items()}
    found["fields"] = fields_fingerprint(found["log"], fields)
    found["fields"] = vectors_fingerprint(found["fields"], read_vectors(folder, items.vectors))
    ids |= {name: context_texts(each.values) for name, each in contexts.items()}
    for part in PARTS:
        columns = {k: v for k, v in vars(split.examples[part]).items() if v is not None}
        codes = columns.pop("contexts")
        columns |= {name: each.ids[codes[name]] for name, each in contexts.items()}
        found[part] = fingerprint(found["fields"], columns, ids)
        if part in split.episodes:
            found[part] = fingerprint(found[part], split.episodes[part], {})
    return found


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
