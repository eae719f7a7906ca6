"""What is known of an imported dataset, as its TOML card holds it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recbench.errors import DataError
from recbench.plain import from_plain

FORMAT = 1
"""Version of the card's layout."""
HEAD = "# Written by `recbench data import`. To change it, import again with --force.\n"
OPTIONAL = ("users", "items")
"""Tables that a card may lack."""


@dataclass(frozen=True)
class SourceFile:
    """A file of rows, and how it is read.

    Attributes:
        path: Where it is, absolute or relative to the card's folder.
        bytes: Its size.
        sha256: Its digest.
        form: What kind of file it is.
        columns: The names of its columns, in order.
        delimiter: What separates values; empty in Parquet.
        header: Whether the first line names the columns.
        encoding: Its character encoding.
    """

    path: str
    bytes: int
    sha256: str
    form: Literal["csv", "parquet"]
    columns: tuple[str, ...]
    delimiter: str
    header: bool
    encoding: Literal["utf-8", "utf-16", "latin-1"]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    def cell(self, column: str) -> str:
        """Return the name that a column has in the database."""
        return f"c{self.columns.index(column)}"


@dataclass(frozen=True)
class Split:
    """How rows are split.

    Attributes:
        valid: Size of the validation part, in `unit`.
        test: Size of the test part, in `unit`.
        unit: Shares of all rows, or days.
        utc_offset_hours: Time zone in which a day begins.
    """

    valid: float
    test: float
    unit: Literal["share", "days"]
    utc_offset_hours: float


@dataclass(frozen=True)
class Description:
    """All that an import decided.

    Attributes:
        format: Version of the layout.
        version: Raised by every import that describes the data in another way.
        task: The task that the examples serve.
        command: The command that imported it.
        time: Unit or format of the times, as `times.seconds` takes it; empty for tables.
        integers: Which of `user` and `item` are whole numbers; the others are text.
        positive: Values of the behaviour, or of the label, that are a click; all if empty.
        missing: Texts that stand for no value, besides the empty one.
        numbers: Inputs of a table that are numbers.
        real: Labels of a table that are any number, and not 0 or 1.
        time_range: First and last second that can be right; empty if any is.
        min_item_events: Items of fewer events are left out.
        min_user_events: Then users, or sessions, of fewer events.
        max_rejected: Share of rows that may be malformed.
        split: How rows are split.
        columns: Column of each role in a log: user (or session), item, time and perhaps category,
            behaviour, label.
        labels: Column of each label of a table.
        inputs: Column of each input of a table.
        user_fields: Column of each user field in the users' file.
        item_fields: Column of each item field in the items' file.
        events: The file of rows.
        users: The file of users; None without one.
        items: The file of items; None without one.
    """

    format: int
    version: int
    task: Literal["ctr", "next-item", "multi-task"]
    command: str
    time: str
    integers: tuple[str, ...]
    positive: tuple[str, ...]
    missing: tuple[str, ...]
    numbers: tuple[str, ...]
    real: tuple[str, ...]
    time_range: tuple[int, ...]
    min_item_events: int
    min_user_events: int
    max_rejected: float
    split: Split
    columns: dict[str, str]
    labels: dict[str, str]
    inputs: dict[str, str]
    user_fields: dict[str, str]
    item_fields: dict[str, str]
    events: SourceFile
    users: SourceFile | None
    items: SourceFile | None

    @property
    def files(self) -> dict[str, SourceFile]:
        """The files by role; the one of rows first."""
        return {"events": self.events, **self.side_files}

    @property
    def side_files(self) -> dict[str, SourceFile]:
        """The files of users and of items, by role, as far as there are any."""
        sides = {"users": self.users, "items": self.items}
        return {role: file for role, file in sides.items() if file is not None}

    @property
    def recipe(self) -> dict[str, Any]:
        """What decides how the files are read, wherever they lie and whoever imported them."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        for role in self.files:
            plain[role].pop("path")
        return {name: plain[name] for name in plain if name not in ("version", "command")}

    def save(self, path: Path) -> None:
        """Write the card, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.write_text(HEAD + _toml(dataclasses.asdict(self)), encoding="utf-8")
        partial.replace(path)

    @staticmethod
    def load(path: Path) -> Description:
        """Read a card.

        Raises:
            DataError: If it is damaged, or of another version of recbench.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            if content.get("format") != FORMAT:
                raise ValueError(f"its format is {content.get('format')}, not {FORMAT}")
            return from_plain(Description, dict.fromkeys(OPTIONAL) | content)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read ({error}); import the data again with --force"
            ) from error


def _toml(content: Mapping[str, Any], table: str = "") -> str:
    """Return plain data as TOML: values first, then tables."""
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    values = {name: value for name, value in content.items() if name not in tables}
    lines = [f"\n[{table}]\n"] if table else []
    lines += [f"{_key(k)} = {_value(v)}\n" for k, v in values.items() if v is not None]
    lines += [
        _toml(value, f"{table}.{_key(k)}" if table else _key(k)) for k, value in tables.items()
    ]
    return "".join(lines)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    """Return a text, number, truth value or list of these: TOML writes them as JSON does."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
