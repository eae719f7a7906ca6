"""An imported dataset: card and reader made of a TOML card."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.card import AnyProtocol
from recbench.data.manifest import file_checksum
from recbench.data.protocol import GlobalTime, LastSessions, Negatives, Protocol
from recbench.data.splits import LastSessionShares
from recbench.data.table_protocol import RandomShares, TableProtocol
from recbench.datasets.imported.description import Description
from recbench.datasets.imported.log import make_log
from recbench.datasets.imported.source_file import load
from recbench.datasets.imported.table import make_rows
from recbench.errors import DataError

UNKNOWN = "not stated: the data are the user's own"


class Imported(Dataset):
    """What a card in TOML describes; the name is that of the card's folder."""

    api = 1

    def __init__(self, path: Path) -> None:
        self._own = Description.load(path)
        self.card = make_card(path, self._own)

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`, or `rows`; refuse files that have changed."""
        for role, file in self._own.files.items():
            if file_checksum(files[role]) != file.sha256:
                raise DataError(
                    f"{files[role]} has changed since it was imported; import it again:\n"
                    f"  {again(self._own)}"
                )
        load_files(db, self._own, files)
        make_views(db, self._own)


def load_files(db: duckdb.DuckDBPyConnection, own: Description, files: Mapping[str, Path]) -> None:
    """Make a view `<role>_file` of each file's rows, all text."""
    db.execute("SET TimeZone='UTC'")
    for role, file in own.files.items():
        load(db, f"{role}_file", file, files[role], own.missing)


def make_views(db: duckdb.DuckDBPyConnection, own: Description) -> None:
    """Make what a reader has to make of the files' rows."""
    (make_rows if own.task == "multi-task" else make_log)(db, own)


def make_card(path: Path, own: Description) -> Card:
    """Return the card of what the TOML card at `path` describes."""
    paths = {role: path.parent / file.path for role, file in own.files.items()}
    low_high = (own.time_range[0], own.time_range[1]) if own.time_range else None
    return Card(
        name=path.parent.name,
        version=own.version,
        title=f"{own.events.name}, imported",
        task=own.task,
        files={role: file.name for role, file in own.files.items()},
        protocols=_protocols(own),
        source=f"{', '.join(map(str, paths.values()))} ({own.command})",
        licence=UNKNOWN,
        citation=UNKNOWN,
        time_range=low_high,
        max_rejected=own.max_rejected,
        notes=_notes(own),
        sessions=own.task == "next-item",
        labels={field: "real" if field in own.real else "binary" for field in own.labels},
        numbers=own.numbers,
        paths=paths,
        sizes={role: file.bytes for role, file in own.files.items()},
        again=again(own),
        recipe=own.recipe,
    )


def again(own: Description) -> str:
    """Return the command that imports the data again."""
    words = shlex.split(own.command)
    return shlex.join([*words, *(["--force"] if "--force" not in words else [])])


def _protocols(own: Description) -> Mapping[str, AnyProtocol]:
    split, source = own.split, "the user who imported the data"
    timed = own.time != "order"
    if own.task == "multi-task":
        return {"shares": TableProtocol(RandomShares(split.valid, split.test), source=source)}
    if own.task == "next-item":
        kind = LastSessionShares if split.unit == "share" else LastSessions
        sessions = kind(split.valid, split.test)
        return {
            "sessions": Protocol(
                sessions, min_history=1, ties="order", timed=timed, seen_targets=True, source=source
            )
        }
    by_time = GlobalTime(split.valid, split.test, split.unit, split.utc_offset_hours)
    negatives = None if "label" in own.columns else Negatives("popularity")
    return {"time": Protocol(by_time, negatives, timed=timed, source=source)}


def _notes(own: Description) -> tuple[str, ...]:
    notes = []
    if "label" in own.columns:
        of = f" of {', '.join(own.positive)}" if own.positive else ""
        notes.append(
            f"A click is a '{own.columns['label']}'{of or ' of 1'}; every row is a target."
        )
        notes.append("The history holds every row before, clicked or not.")
    elif own.positive:
        which = f"'{own.columns['behaviour']}' is {' or '.join(own.positive)}"
        notes.append(f"Targets are rows whose {which}; histories hold all rows.")
    if own.min_item_events > 1:
        notes.append(f"Items of fewer than {own.min_item_events} events are left out.")
    if own.min_user_events > 1:
        who = "Sessions" if own.task == "next-item" else "Users"
        notes.append(f"{who} of fewer than {own.min_user_events} events are left out.")
    if own.time == "order":
        notes.append("The times are an order: they say what came first, and not when.")
    return tuple(notes)
