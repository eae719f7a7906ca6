"""The log and its parts with final ids: what the tables of a prepared folder are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import LABEL, AnyProtocol, Card
from recbench.data.contexts import Context, code_contexts, context_texts
from recbench.data.examples import SplitLog
from recbench.data.ingest import RawLog
from recbench.data.manifest import fields_fingerprint, fingerprint
from recbench.data.protocol import PARTS
from recbench.data.vectors import Vectors, read_vectors, vectors_fingerprint
from recbench.data.vocabulary import Coded, Renumbering, encode, renumber
from recbench.schema import FIRST_ID, PADDING, UNSEEN, Field, Role


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


@dataclass(frozen=True)
class CodedLog:
    """A log, its parts, and how both are coded.

    Attributes:
        log: The log.
        split: Its parts.
        users: Final ids and fields of users.
        items: Final ids, fields and vectors of items.
        contexts: The fields of examples.
        label: The column of labels, where the parts have any.
    """

    log: RawLog
    split: SplitLog
    users: Side
    items: Side
    contexts: Mapping[str, Context]
    label: str

    def schema(self, card: Card, protocol: AnyProtocol) -> list[Field]:
        """Return all fields in schema order."""
        fields = [] if card.sessions else self.users.schema("user")
        fields += self.items.schema("item")
        fields += [context.field(name) for name, context in self.contexts.items()]
        if self.split.examples["train"].label is not None:
            fields += card.label_fields(protocol) or [Field(LABEL, "label", 2)]
        return fields

    def counts(self) -> dict[str, int]:
        """Return the numbers of interactions, sequences if there are any, users and items."""
        log = self.log
        counts = {"interactions": len(log.spool.columns["user"])}
        if log.groups is not None:
            counts["sequences"] = len(log.users)
        users = len(log.users) if log.groups is None else int(log.groups.max()) + 1
        return counts | {"users": users, "items": len(log.items)}

    def columns(self, part: str) -> dict[str, NDArray[Any]]:
        """Return the columns of a part's examples, as they are stored."""
        examples = self.split.examples[part]
        groups = self.log.groups
        return {
            "user": self.users.renumbering.ids[examples.user],
            "item": self.items.renumbering.ids[examples.item],
            **({} if examples.label is None else {self.label: examples.label}),
            "time": examples.time,
            "history_start": examples.history_start,
            "history_stop": examples.history_stop,
            **{k: each.ids[examples.contexts[k]] for k, each in self.contexts.items()},
            **({} if groups is None else {"group": groups[examples.user]}),
        }

    def fingerprints(self, folder: Path) -> dict[str, str]:
        """Return the fingerprints of the log, the fields and each part.

        Args:
            folder: Where vectors have been written, which are read from there.
        """
        log, split = self.log, self.split
        ids = {"user": log.users, "item": log.items}
        columns = log.spool.columns
        names = [name for name in ("user", "item", "time", "behaviour") if name in columns]
        found = {"log": fingerprint("", {name: columns[name] for name in names}, ids)}
        coded = {**self.users.fields, **self.items.fields}
        fields = {name: (each.ids, each.values) for name, each in coded.items()}
        found["fields"] = fields_fingerprint(found["log"], fields)
        vectors = read_vectors(folder, self.items.vectors)
        found["fields"] = vectors_fingerprint(found["fields"], vectors)
        ids |= {name: context_texts(each.values) for name, each in self.contexts.items()}
        for part in PARTS:
            own = {k: v for k, v in vars(split.examples[part]).items() if v is not None}
            codes = own.pop("contexts")
            own |= {name: each.ids[codes[name]] for name, each in self.contexts.items()}
            found[part] = fingerprint(found["fields"], own, ids)
            if part in split.episodes:
                found[part] = fingerprint(found[part], split.episodes[part], {})
        return found


def code_log(log: RawLog, split: SplitLog, card: Card, protocol: AnyProtocol) -> CodedLog:
    """Code a log and its parts, with those fields that the protocol leaves in."""
    users = _side(renumber(split.train_users), log.users, log.user_fields, card, protocol)
    numbers = renumber(split.train_items, split.new_items)
    items = _side(numbers, log.items, log.item_fields, card, protocol)
    if log.groups is not None:
        users = replace(users, group=encode(log.users, users.renumbering))
    vectors = {name: own for name, own in log.vectors.items() if name not in protocol.left_out}
    items = replace(items, vectors=vectors)
    label = next((each.name for each in card.label_fields(protocol)), LABEL)
    return CodedLog(log, split, users, items, code_contexts(log.contexts, split), label)


def _side(
    renumbering: Renumbering,
    raw: pa.Array,
    fields: Mapping[str, pa.Array],
    card: Card,
    protocol: AnyProtocol,
) -> Side:
    coded = {
        name: encode(values, renumbering, PADDING if name in card.optional else UNSEEN)
        for name, values in fields.items()
        if name not in protocol.left_out
    }
    return Side(renumbering, raw, coded)
