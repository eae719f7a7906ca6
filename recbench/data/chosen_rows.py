"""Which of a log's events are right: those that lack something or have an odd time are left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import duckdb

from recbench.data.card import Card
from recbench.data.database import require_few
from recbench.data.reading import EXAMPLES, Rejected
from recbench.errors import DataError

LATEST = 95_617_584_000
"""Seconds until the year 5000; later times are of another unit."""
UNITS = {1_000: "milliseconds", 1_000_000: "microseconds", 1_000_000_000: "nanoseconds"}
"""What a second has of them."""


def choose_rows(
    db: duckdb.DuckDBPyConnection, card: Card, further: Iterable[str], faults: Rejected
) -> tuple[int, int, Rejected]:
    """Create the view `log` of the table `events`, without the events that cannot be right.

    Args:
        db: Where `events` is.
        card: Of the dataset.
        further: Columns that need a value, beside user, item and time.
        faults: Rows that could not be read.

    Returns:
        How many events have all values; how many of these are within the card's times; and the
        faults with the events that lack a value.

    Raises:
        DataError: If too many rows are malformed, none is left, or times are not seconds.
    """
    names = ["user", "item", "time", *sorted(further)]
    whole = " AND ".join(f'"{name}" IS NOT NULL' for name in names)
    low, high = card.time_range or (-(1 << 62), 1 << 62)
    latest = card.time_range[1] if card.time_range else LATEST
    units = [
        f"count(*) FILTER (time > {LATEST} AND time / {each} BETWEEN {low} AND {latest})"
        for each in UNITS
    ]
    found = db.execute(
        f"""SELECT count(*), count(*) FILTER ({whole}),
                   count(*) FILTER ({whole} AND time BETWEEN {low} AND {high}), {", ".join(units)}
        FROM events"""  # noqa: S608
    ).fetchone() or (0,)
    total, complete, kept, *other = found
    if total > complete:
        faults = _with_lacking(db, names, total - complete, faults)
    require_few(card, faults, complete)
    for unit, count in zip(UNITS.values(), other, strict=True):
        if count > card.max_rejected * total:
            raise DataError(
                f"{card.name}: {count:,} of {total:,} events have times that are seconds of no "
                f"year in question, but {unit} would be; divide them, or mend the dataset's reader"
            )
    if not kept:
        raise DataError(f"{card.name}: the raw files hold no event within the dataset's time range")
    db.execute(
        f"CREATE VIEW log AS SELECT * FROM events WHERE {whole} AND time BETWEEN {low} AND {high}"  # noqa: S608
    )
    return complete, kept, faults


def _with_lacking(
    db: duckdb.DuckDBPyConnection, names: list[str], count: int, faults: Rejected
) -> Rejected:
    """Return the faults and, after them, events that lack a value."""
    lacks = " ".join(f"""WHEN "{name}" IS NULL THEN '{name}'""" for name in names)
    rows = db.execute(
        f"""SELECT row, lack FROM (SELECT row, CASE {lacks} END AS lack FROM events)
        WHERE lack IS NOT NULL ORDER BY row LIMIT {EXAMPLES}"""  # noqa: S608
    ).fetchall()
    told = (f"event {row} has no {lack}" for row, lack in rows)
    examples = (*faults.examples, *told)[:EXAMPLES]
    return replace(faults, count=faults.count + count, examples=examples)
