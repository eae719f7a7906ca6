"""Checks of what a dataset says of itself, and whether its reader makes what the card promises."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.api import API_VERSION
from recbench.data import Card, Dataset
from recbench.data.database import column_names, reading
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.protocol import Protocol
from recbench.data.raw import names
from recbench.data.splits import OfficialTest, OfficialTestTwice
from recbench.data.states_protocol import StatesProtocol
from recbench.data.table_protocol import TableProtocol
from recbench.plugins import discover
from recbench.task import COLD_START, CTR, MULTI_TASK, NEXT_ITEM, TASKS
from recbench.testing.dataset_subject import DatasetSubject
from recbench.testing.require import require

NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
TOLD = ("title", "source", "licence", "citation")
"""What a card has to tell, in text."""
PROTOCOLS: Mapping[str, tuple[type, ...]] = {
    CTR.name: (Protocol,),
    NEXT_ITEM.name: (Protocol,),
    MULTI_TASK.name: (TableProtocol,),
    COLD_START.name: (StatesProtocol, PhasesProtocol),
}
"""Which protocols make the examples of a task."""
LOG = ("row", "user", "item", "time")


def check_card(subject: DatasetSubject) -> None:
    """The class keeps the plugin contract; its card is complete and agrees with itself."""
    kind = subject.kind
    require(issubclass(kind, Dataset), "it is no subclass of recbench.Dataset")
    api = getattr(kind, "api", None)
    require(api == API_VERSION, f"api is {api}; set api = {API_VERSION}")
    require(kind.read is not Dataset.read, "it has no reader; override Dataset.read")
    card = subject.stated
    require(
        NAME.fullmatch(card.name) is not None,
        f"the card's name is '{card.name}'; write lower-case letters and digits, with - between",
    )
    target = f"{kind.__module__}:{kind.__qualname__}"
    for plugin in discover("dataset"):
        same = plugin.target != target or plugin.name == card.name
        require(same, f"it is registered as '{plugin.name}', and its card is of '{card.name}'")
    require(card.version >= 1, f"the card's version is {card.version}; begin with 1")
    for name in TOLD:
        require(bool(getattr(card, name).strip()), f"the card's {name} is empty")
    require(card.task in TASKS, f"its task is '{card.task}'; it must be one of {', '.join(TASKS)}")
    require(0 <= card.max_rejected < 1, "max_rejected is a share of rows, from 0 to below 1")
    first, last = card.time_range or (0, 0)
    require(first <= last, f"time_range begins at {first} and ends before, at {last}")
    _require_files(card)
    _require_labels(card)
    simulates = kind.simulate is not Dataset.simulate
    require(
        simulates == bool(card.simulated_sizes) == (card.simulator_version > 0),
        "simulate, simulated_sizes and simulator_version go together; it has some of them",
    )
    require(bool(card.files) or simulates, "it has neither raw files nor a simulator")


def check_protocols(subject: DatasetSubject) -> None:
    """There is a protocol, and each is one for the task, of files and labels that the card has."""
    card = subject.card
    require(bool(card.protocols), "the card has no protocol; give one, the default first")
    for name, protocol in card.protocols.items():
        kinds = PROTOCOLS[card.task]
        wanted = " or ".join(kind.__name__ for kind in kinds)
        found = type(protocol).__name__
        cause = f"the protocol {name} is a {found}; examples for {card.task} are made by {wanted}"
        require(isinstance(protocol, kinds), cause)
        for what, known in (("files", card.files), ("labels", card.labels)):
            unknown = sorted(set(getattr(protocol, what)) - set(known))
            cause = (
                f"the protocol {name} has '{unknown and unknown[0]}' in {what}, the card has not"
            )
            require(not unknown, cause)
    strange = sorted(set(card.departures) - set(card.protocols))
    cause = f"departures are told of '{strange and strange[0]}', which is no protocol of the card"
    require(not strange, cause)


def check_sample(subject: DatasetSubject) -> None:
    """There are small raw files to try the reader on, and they are the same every time."""
    first, second = subject.draw(), subject.draw()
    for role, data in first.items():
        cause = f"its sample has another {subject.card.files[role]} the second time; fix its seeds"
        require(second[role] == data, cause)


def check_reader(subject: DatasetSubject) -> None:
    """`read` makes the tables that `Dataset.read` describes, with columns of the right types."""
    for name, protocol in subject.card.protocols.items():
        with (
            tempfile.TemporaryDirectory() as scratch,
            reading(subject.dataset, subject.written(name), Path(scratch)) as (db, _),
        ):
            if isinstance(protocol, TableProtocol):
                _require_rows(db, subject.card, protocol)
            else:
                _require_events(db, subject.card, protocol)


def _require_files(card: Card) -> None:
    for name in card.files.values():
        require(Path(name).name == name, f"the file '{name}' must be a name, without folders")
    for what in ("archives", "checksums", "paths", "sizes"):
        unknown = sorted(set(getattr(card, what)) - set(card.files))
        require(not unknown, f"{what} has '{unknown and unknown[0]}', which is no role of files")
    possible = {name for role in card.files for name in names(card, role)}
    for download in card.downloads:
        cause = f"the download {download.file} is neither a file of the card nor an archive of one"
        require(download.file in possible, cause)


def _require_labels(card: Card) -> None:
    labelled = card.task in (MULTI_TASK.name, COLD_START.name)
    needs = "needs labels" if labelled else "has no labels in its card"
    require(bool(card.labels) == labelled, f"a dataset for {card.task} {needs}")
    for name, kind in card.labels.items():
        require(kind in ("binary", "real"), f"the label '{name}' is '{kind}', not binary or real")
    require(not card.numbers or card.task == MULTI_TASK.name, "only a table has numbers")


def _require_events(db: duckdb.DuckDBPyConnection, card: Card, protocol: object) -> None:
    types = _types(db, "events")
    _require_columns(types, "events", (*LOG, *card.contexts, *card.labels))
    _require_type(types, "events", "row", "INT")
    _require_type(types, "events", "time", "INT")
    labelled = isinstance(protocol, Protocol) and protocol.negatives is None
    if card.task == CTR.name and labelled:
        _require_columns(types, "events", ("label",))
    if isinstance(protocol, Protocol) and isinstance(
        protocol.split, OfficialTest | OfficialTestTwice
    ):
        _require_columns(types, "events", ("testing",))
    for table, key in (("items", "item"), ("users", "user")):
        if columns := _types(db, table):
            _require_columns(columns, table, (key,))
            cause = f"the table {table} has a column 'row', which would be an input; leave it out"
            require("row" not in columns, cause)
    if card.group:
        _require_columns(_types(db, "users"), "users", (card.group,))


def _require_rows(db: duckdb.DuckDBPyConnection, card: Card, protocol: TableProtocol) -> None:
    types = _types(db, "rows")
    wanted = ("row", *card.labels, *card.numbers, *protocol.left_out, *protocol.split.reads)
    _require_columns(types, "rows", wanted)
    for name in (*card.labels, *card.numbers):
        _require_type(types, "rows", name, "INT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


def _types(db: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the type of each column of a table; none if there is no such table."""
    if not column_names(db, table):
        return {}
    return {name: str(kind) for name, kind, *_ in db.execute(f"DESCRIBE {table}").fetchall()}


def _require_columns(types: Mapping[str, str], table: str, wanted: tuple[str, ...]) -> None:
    require(bool(types), f"read makes no table {table}")
    missing = [name for name in wanted if name not in types]
    require(not missing, f"the table {table} has no column '{missing and missing[0]}'")


def _require_type(types: Mapping[str, str], table: str, name: str, *kinds: str) -> None:
    right = any(kind in types[name] for kind in kinds)
    require(right, f"the column '{name}' of {table} is {types[name]}; it must be a number")
