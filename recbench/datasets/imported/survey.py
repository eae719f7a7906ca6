"""What an import found: the checks that need all rows, and the facts to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import duckdb
import numpy as np

from recbench.data import Card
from recbench.data.database import require_few, row_count
from recbench.data.ingest import behaviour_names
from recbench.data.protocol import PARTS, Protocol
from recbench.data.reading import rejected
from recbench.data.splits import LogChunk
from recbench.datasets.imported import times
from recbench.datasets.imported.description import Description
from recbench.errors import DataError

SHOWN = 3
"""First rows to show."""
MODELS = {
    "ctr": "popularity,din",
    "next-item": "item-popularity,gru4rec",
    "multi-task": "single-task,mmoe",
}
"""Models to begin with, by task."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        facts: What is to be said, by what it is about.
        head: The first rows as they were read: names, then values.
        models: Models to begin with.
    """

    facts: Mapping[str, str]
    head: Sequence[Sequence[str]]
    models: str


def survey(db: duckdb.DuckDBPyConnection, own: Description, card: Card) -> Survey:
    """Return what a database holds in which the reader's views have been made.

    Raises:
        DataError: If there are too many malformed rows or none that is right, times cannot be
            right, or a part would be empty.
    """
    faults = rejected(db)
    table = "rows" if own.task == "multi-task" else "events"
    rows = row_count(db, table)
    try:
        require_few(card, faults, rows)
    except DataError as error:
        raise DataError(f"{error}, or allow more with --max-rejected") from error
    if not rows:
        chosen = table == "events" and row_count(db, "complete")
        rare = "--min-item-events and --min-user-events leave, between --since and --until"
        raise DataError(f"{own.events.path} holds no row that {rare if chosen else 'is complete'}")
    separated = f", separated by {own.events.delimiter!r}" if own.events.delimiter else ""
    facts = {"file": f"{own.events.path}{separated}", "rows": f"{rows:,}"}
    facts |= _table_facts(db, own) if table == "rows" else _log_facts(db, own)
    if faults.count:
        facts["left out"] = "; ".join(faults.reports)
    facts["parts"] = _parts(db, own, card, rows)
    return Survey(facts, _head(db, table), MODELS[own.task])


def _log_facts(db: duckdb.DuckDBPyConnection, own: Description) -> dict[str, str]:
    users, items, first, last = db.execute(
        "SELECT count(DISTINCT user), count(DISTINCT item), min(time), max(time) FROM events"
    ).fetchall()[0]
    times.require_sensible(db, own.time, _in_range(own), own.max_rejected)
    if own.task == "ctr" and "label" not in own.columns:
        _require_unmet(db, own, users * items)
    facts = {}
    for role, count in (("user", users), ("item", items)):
        plural = "sessions" if own.task == "next-item" and role == "user" else f"{role}s"
        kind = "whole numbers" if role in own.integers else "text"
        facts[plural] = f"{count:,} (column '{own.columns[role]}', {kind})"
    span = f"{first:,} to {last:,}"
    if own.time != "order":
        span = f"{times.shown(first)} to {times.shown(last)} UTC"
    facts["times"] = f"{span} (column '{own.columns['time']}', {times.describe(own.time)})"
    if "label" in own.columns:
        share = db.execute("SELECT avg(label) FROM events").fetchall()[0][0]
        _require_both(own.columns["label"], share)
        facts["clicks"] = f"{share:.1%} of the rows (column '{own.columns['label']}')"
    elif own.positive:
        count = db.execute("SELECT sum(positive) FROM events").fetchall()[0][0]
        facts["clicks"] = f"{count:,} rows; the others are history only"
    for role in own.side_files:
        key, fields = role[:-1], own.item_fields if role == "items" else own.user_fields
        lacking = db.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM events) ANTI JOIN {role} USING ({key})"  # noqa: S608, E501
        ).fetchall()[0][0]
        facts[f"{key} fields"] = f"{', '.join(fields)}; {lacking:,} {role} have none"
    dropped = row_count(db, "complete") - row_count(db, "events")
    if dropped:
        facts["too rare"] = f"{dropped:,} rows, by --min-item-events and --min-user-events"
    if outside := _count(db, f"NOT ({_in_range(own)})"):
        facts["out of range"] = f"{outside:,} rows, by --since and --until"
    return facts


def _table_facts(db: duckdb.DuckDBPyConnection, own: Description) -> dict[str, str]:
    facts = {}
    for field, column in own.labels.items():
        mean = db.execute(f'SELECT avg("{field}") FROM rows').fetchall()[0][0]  # noqa: S608
        if field not in own.real:
            _require_both(column, mean)
        said = f"any number, mean {mean:.6g}" if field in own.real else f"{mean:.1%} are 1"
        facts[f"label {field}"] = f"column '{column}', {said}"
    facts["numbers"] = ", ".join(own.numbers) or "none"
    facts["categories"] = ", ".join(name for name in own.inputs if name not in own.numbers)
    renamed = {column: field for field, column in (own.labels | own.inputs).items()}
    changed = [f"{column} is {field}" for column, field in renamed.items() if column != field]
    return facts | ({"renamed": ", ".join(changed)} if changed else {})


def _require_both(column: str, mean: float) -> None:
    """Raise `DataError` if a label of 0 and 1 is not both."""
    if mean in (0, 1):
        raise DataError(
            f"the label '{column}' is {mean:.0f} in every row, so that there is nothing to "
            "predict; choose another column"
        )


def _parts(db: duckdb.DuckDBPyConnection, own: Description, card: Card, rows: int) -> str:
    """Return what each part has; raise `DataError` if one has nothing."""
    split = own.split
    if own.task == "multi-task":
        valid, test = (round(share * rows) for share in (split.valid, split.test))
        counts, of = [rows - valid - test, valid, test], "rows at random"
    else:
        right = _in_range(own)
        if not _count(db, right):
            raise DataError(f"{own.events.path}: no row lies between --since and --until")
        bounds = _bounds(db, own, card, right)
        last = "max(time) OVER (PARTITION BY user)" if own.task == "next-item" else "time"
        places = db.execute(
            f"""SELECT (part >= {bounds[0]})::INT + (part >= {bounds[1]})::INT AS place, count(*)
            FROM (SELECT {last} AS part FROM events WHERE {right})
            GROUP BY place"""  # noqa: S608
        ).fetchall()
        counts = [dict(places).get(place, 0) for place in range(len(PARTS))]
        if "behaviour" in own.columns:
            behaviour_names(db, f"events WHERE {right}")
        of = "events, by the time of their session's end" if own.task == "next-item" else "events"
        if own.time != "order":
            of += f"; validation from {times.shown(bounds[0])}, test from {times.shown(bounds[1])}"
    if not all(counts):
        empty = PARTS[counts.index(0)]
        raise DataError(
            f"{own.events.path}: the {empty} part would be empty; choose other parts with --valid "
            "and --test, or --valid-days and --test-days"
        )
    return f"{'  '.join(f'{p} {n:,}' for p, n in zip(PARTS, counts, strict=True))} {of}"


def _in_range(own: Description) -> str:
    """Return SQL for whether an event lies between --since and --until."""
    low, high = own.time_range or (-(1 << 62), 1 << 62)
    return f"time BETWEEN {low} AND {high}"


def _bounds(
    db: duckdb.DuckDBPyConnection, own: Description, card: Card, right: str
) -> tuple[int, int]:
    """Return the first moments of validation and test, as the protocol finds them."""
    split = own.split
    if split.unit == "share":
        last = _count(db, right) - 1
        valid, test = (
            db.execute(
                f"SELECT time FROM events WHERE {right} ORDER BY time LIMIT 1 OFFSET {place}"  # noqa: S608
            ).fetchall()[0][0]
            for place in (
                ceil(last * (1 - split.test - split.valid)),
                ceil(last * (1 - split.test)),
            )
        )
        return valid, test
    latest = db.execute(f"SELECT max(time) FROM events WHERE {right}").fetchall()[0][0]  # noqa: S608
    protocol = card.protocols[card.default_protocol]
    if not isinstance(protocol, Protocol):
        raise TypeError(f"{own.task} has no days")
    nothing = np.zeros(1, np.int64)
    end = LogChunk(0, nothing, np.array([latest]), nothing == 0)
    return protocol.split.boundaries(end)


def _require_unmet(db: duckdb.DuckDBPyConnection, own: Description, pairs: int) -> None:
    """Raise `DataError` if no user has an item left that could be a negative."""
    met = db.execute("SELECT count(*) FROM (SELECT DISTINCT user, item FROM events)").fetchall()
    if met[0][0] == pairs:
        raise DataError(
            f"{own.events.path}: every user has met every item, so that no negatives can be drawn; "
            "give --label, a column of 0 and 1"
        )


def _count(db: duckdb.DuckDBPyConnection, condition: str) -> int:
    row = db.execute(f"SELECT count(*) FROM events WHERE {condition}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _head(db: duckdb.DuckDBPyConnection, table: str) -> list[list[str]]:
    found = db.sql(f"SELECT * FROM {table} ORDER BY row LIMIT {SHOWN}")  # noqa: S608
    names = list(found.columns)
    return [names, *([_shown(value) for value in row] for row in found.fetchall())]


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:40]
