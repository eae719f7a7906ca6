"""An import: what a user asks for, checked against the rows, becomes a card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.database import reading, row_count
from recbench.data.reading import rejected
from recbench.datasets.imported import times
from recbench.datasets.imported.checks import (
    is_real,
    require_single,
    require_truth,
    require_values,
)
from recbench.datasets.imported.dataset import load_files, make_card, make_views
from recbench.datasets.imported.description import FORMAT, Description, SourceFile
from recbench.datasets.imported.fields import field_names
from recbench.datasets.imported.log import ROLES, is_integer
from recbench.datasets.imported.source_file import inspect
from recbench.datasets.imported.survey import Survey, survey
from recbench.datasets.imported.wanted import Wanted
from recbench.errors import DataError, UsageError, unknown_name
from recbench.folders import Folders
from recbench.plugins import CARD
from recbench.progress import SILENT, Progress


def import_rows(
    wanted: Wanted,
    folders: Folders,
    progress: Progress = SILENT,
    *,
    copy: bool = False,
    force: bool = False,
) -> tuple[Path, Survey]:
    """Read a file, check it, and write its card; return where the card is and what was found.

    Args:
        wanted: What is asked for.
        folders: Where the card belongs, and where there is room to work.
        progress: Told what is being done.
        copy: Whether the files are copied beside the card.
        force: Whether a card of that name may be replaced.

    Raises:
        UsageError: If the request does not fit the file or goes against itself.
        DataError: If the file is not right. No card is written then.
    """
    task = wanted.check()
    target = folders.cards / wanted.name / CARD
    if target.exists() and not force:
        raise UsageError(
            f"'{wanted.name}' has been imported already ({target}); give another --name, or "
            "--force to replace it"
        )
    progress.note(f"reading {wanted.path}")
    draft = _draft(wanted, task)
    paths = {role: Path(file.path) for role, file in draft.files.items()}
    folders.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=folders.cache) as scratch:
        raw = _Raw(make_card(target, draft), draft)
        with reading(raw, paths, Path(scratch)) as (db, _):
            own = _decided(db, draft, wanted)
            make_views(db, own)
            found = survey(db, own, make_card(target, own))
    own = replace(own, version=_version(target, own))
    if copy:
        own = _copied(own, target.parent)
    own.save(target)
    return target, found


@dataclass(frozen=True)
class _Raw(Dataset):
    """The files as they are, before it is decided what they hold."""

    card: Card
    own: Description

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make a view of each file's rows."""
        load_files(db, self.own, files)
        for role, file in self.own.files.items():
            if not row_count(db, f"{role}_file_lines"):
                why = "; ".join(rejected(db).examples) or "it is empty but for its first line"
                raise DataError(f"{file.path} holds no rows: {why}")


def _draft(wanted: Wanted, task: str) -> Description:
    """Return what can be said before any row is read: files, columns and fields."""

    def look(path: Path) -> SourceFile:
        delimiter = wanted.delimiter if path == wanted.path else ""
        return inspect(path.resolve(), delimiter, wanted.encoding, header=wanted.header)

    events = look(wanted.path)
    users, items = (look(each) if each else None for each in (wanted.users, wanted.items))
    columns = {role: column for role, column in wanted.columns.items() if role in ROLES}
    if session := wanted.columns.get("session"):
        _require(events, session, "--session")
        columns["user"] = session
    of_items = _category_of_items(columns, events, items)
    for role, column in columns.items():
        _require(events, column, f"--{role}")
    labels, inputs, numbers = (
        _table_fields(wanted, events) if task == "multi-task" else ({}, {}, ())
    )
    user_fields = _fields(users, columns.get("user", ""), "user", ("category",))
    item_fields = _fields(items, columns.get("item", ""), "item", user_fields, of_items)
    return Description(
        format=FORMAT,
        version=1,
        task=task,  # type: ignore[arg-type]
        command=wanted.command,
        time="",
        integers=(),
        positive=tuple(wanted.positive),
        missing=tuple(wanted.missing),
        numbers=numbers,
        real=(),
        time_range=wanted.time_range,
        min_item_events=wanted.min_item_events,
        min_user_events=wanted.min_user_events,
        max_rejected=wanted.max_rejected,
        split=wanted.split(task),
        columns=columns,
        labels=labels,
        inputs=inputs,
        user_fields=user_fields,
        item_fields=item_fields,
        events=events,
        users=users,
        items=items,
    )


def _table_fields(
    wanted: Wanted, events: SourceFile
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Return the columns of a table's labels and inputs by field, and the fields of numbers."""
    for option in ("labels", "numbers", "leave_out"):
        for column in getattr(wanted, option):
            _require(events, column, f"--{option.replace('_', '-')}")
    if both := set(wanted.labels) & {*wanted.numbers, *wanted.leave_out}:
        raise UsageError(f"'{min(both)}' is a label; it can be no input")
    if unread := set(wanted.numbers) & set(wanted.leave_out):
        raise UsageError(f"'{min(unread)}' is left out; take it from --numbers or --leave-out")
    rest = [c for c in events.columns if c not in {*wanted.labels, *wanted.leave_out}]
    if not rest:
        raise UsageError("there is no column left to predict from")
    named = field_names([*wanted.labels, *rest])
    labels, inputs = ({named[column]: column for column in own} for own in (wanted.labels, rest))
    return labels, inputs, tuple(named[c] for c in wanted.numbers if c in rest)


def _require(file: SourceFile, column: str, option: str) -> None:
    """Raise `UsageError` with the nearest right name if a file has no such column."""
    if column in file.columns:
        return
    error = str(unknown_name(f"column of {file.name}", column, file.columns))
    hint = ""
    if file.header and all(any(sign.isdigit() for sign in name) for name in file.columns):
        hint = ". If its first line is no header, give --no-header and number the columns from 1"
    raise UsageError(f"{option}: {error}{hint}")


def _category_of_items(
    columns: dict[str, str], events: SourceFile, items: SourceFile | None
) -> str:
    """Take a category that the items' file has out of `columns`; return its column."""
    column = columns.get("category", "")
    if column and items and column not in events.columns and column in items.columns:
        return columns.pop("category")
    if column and items and "category" in map(str.lower, items.columns):
        raise UsageError(f"both {events.name} and {items.name} have a category; leave out one")
    return ""


def _fields(
    file: SourceFile | None, key: str, kind: str, taken: Iterable[str], category: str = ""
) -> dict[str, str]:
    """Return the column of each field that a file about users or items has."""
    if file is None:
        return {}
    _require(file, key, f"--{kind}")
    rest = [column for column in file.columns if column not in (key, category)]
    if not (rest or category):
        raise UsageError(f"{file.name} says nothing about {kind}s but '{key}'")
    fields = {"category": category} if category else {}
    return fields | {f: c for c, f in field_names(rest, (*taken, *fields)).items()}


def _decided(db: duckdb.DuckDBPyConnection, draft: Description, wanted: Wanted) -> Description:
    """Return the description with everything that the rows decide."""
    if draft.task == "multi-task":
        real = tuple(field for field in draft.labels if is_real(db, draft, field))
        return replace(draft, real=real)
    cells = {role: draft.events.cell(column) for role, column in draft.columns.items()}
    integers = tuple(key for key in ("user", "item") if is_integer(db, "events_file", cells[key]))
    unit = wanted.time_unit
    if unit == "auto":
        unit = times.detect(db, "events_file", cells["time"], draft.columns["time"])
    if unit == "order" and (draft.split.unit == "days" or draft.time_range):
        raise UsageError(
            f"the numbers in '{draft.columns['time']}' are too small for seconds; if they are an "
            "order, leave out days and dates, else give --time-unit"
        )
    if "label" in cells and not draft.positive:
        require_truth(db, draft, draft.columns["label"])
    elif draft.positive:
        require_values(db, draft, draft.columns.get("label", draft.columns.get("behaviour", "")))
    own = replace(draft, integers=integers, time=unit)
    for role, file in own.side_files.items():
        require_single(db, own, role, file)
    return own


def _version(target: Path, own: Description) -> int:
    """Return the version of a card that may replace another one at `target`."""
    with suppress(DataError):
        if target.exists():
            before = Description.load(target)
            return before.version + (before.recipe != own.recipe)
    return own.version


def _copied(own: Description, folder: Path) -> Description:
    """Copy the files into the card's folder; return the description that names the copies."""
    names = [file.name for file in own.files.values()]
    if len(set(names)) < len(names):
        raise UsageError("--copy: two of the files have one name; rename one")
    folder.mkdir(parents=True, exist_ok=True)
    copies: dict[str, SourceFile] = {}
    for role, file in own.files.items():
        place = folder / file.name
        if Path(file.path) != place.resolve():
            partial = place.with_name(f".{file.name}.partial")
            shutil.copyfile(file.path, partial)
            partial.replace(place)
        copies[role] = replace(file, path=file.name)
    return replace(
        own, events=copies["events"], users=copies.get("users"), items=copies.get("items")
    )
