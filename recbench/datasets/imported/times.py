"""Times as files have them: numbers since 1970 in some unit, ISO 8601, or a format of their own."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import duckdb

from recbench.datasets.imported.source_file import text
from recbench.errors import DataError, UsageError

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNITS = (*PER_SECOND, "iso", "order")
"""Units besides formats such as %d/%m/%Y; `order` is a place in a sequence and no time."""
WORDS = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "iso": "ISO 8601",
    "order": "an order, no times",
}
AS_DAY = "%Y%m%d"
LAST_ORDER, LAST_SECOND = 1e8, 1e11
"""Numbers below the first are no seconds (1973), and from the second on no more (year 5138)."""
MOST = 0.9
"""Share of the values that decides how all are read."""
EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
"""Logs are not older."""


def check_unit(unit: str) -> None:
    """Raise `UsageError` if `unit` is none."""
    with suppress(duckdb.InvalidInputException):
        if "%" in unit and duckdb.execute("SELECT try_strptime('', $unit)", {"unit": unit}):
            return
    if unit not in UNITS:
        raise UsageError(
            f"--time-unit '{unit}': give auto, {', '.join(UNITS)}, or a format such as "
            "'%d/%m/%Y %H:%M'"
        )


def finer(unit: str) -> bool:
    """Return whether times of a unit may tell events of one second apart."""
    return unit != "order"


def moment(unit: str, cell: str) -> str:
    """Return SQL for a cell's microseconds since 1970 (of `order`: its place), null if unreadable.

    Times without a zone are in UTC.
    """
    if unit == "order":
        place = f"TRY_CAST({cell} AS BIGINT)"
        return f"CASE WHEN TRY_CAST({cell} AS DOUBLE) = {place} THEN {place} END"
    if unit == "iso":
        return f"epoch_us(TRY_CAST({cell} AS TIMESTAMPTZ))"
    if "%" in unit:
        return f"epoch_us(try_strptime({cell}, {text(unit)})::TIMESTAMPTZ)"
    factor = 1_000_000 / PER_SECOND[unit]
    return f"TRY_CAST(TRY_CAST({cell} AS DOUBLE) * {factor!r} AS BIGINT)"


def seconds(unit: str, moment: str) -> str:
    """Return SQL for the seconds of a `moment`; of an order, for the place itself."""
    return moment if unit == "order" else f"floor({moment} / 1e6)::BIGINT"


def detect(db: duckdb.DuckDBPyConnection, table: str, cell: str, column: str) -> str:
    """Return the unit or format of a column's times.

    Raises:
        DataError: If they are neither numbers nor ISO 8601.
    """
    row = db.execute(
        f"""SELECT count({cell}), count(TRY_CAST({cell} AS DOUBLE)),
            count(TRY_CAST({cell} AS TIMESTAMPTZ)),
            count(*) FILTER ({cell} ~ '(19|20)[0-9]{{6}}'
                             AND try_strptime({cell}, '{AS_DAY}') IS NOT NULL),
            median(abs(TRY_CAST({cell} AS DOUBLE))), min({cell})
        FROM {table}"""  # noqa: S608
    ).fetchone()
    known, numbers, dates, days, middle, example = row or (0, 0, 0, 0, None, None)
    least = max(1, MOST * known)
    if days >= least:
        return AS_DAY
    if numbers >= least:
        if middle < LAST_ORDER:
            return "order"
        return next(
            unit for unit, n in PER_SECOND.items() if middle < LAST_SECOND * n or unit == "ns"
        )
    if dates >= least:
        return "iso"
    shown = "there is no value" if example is None else f"one is '{example}'"
    raise DataError(
        f"the times in '{column}' are neither numbers nor ISO 8601 ({shown}); if they have a "
        "format of their own, give it, such as --time-unit '%d/%m/%Y %H:%M'"
    )


def require_sensible(
    db: duckdb.DuckDBPyConnection, unit: str, right: str, max_rejected: float
) -> None:
    """Raise `DataError` if more than a few times cannot be times of events.

    Args:
        db: Where `events` are, with `time` in seconds.
        unit: What they were read as.
        right: SQL for which events count.
        max_rejected: Share of them that may be wrong.
    """
    if unit == "order":
        return
    latest = datetime.now(UTC).timestamp() + 86_400
    first, last, odd, rows = db.execute(
        f"""SELECT min(time), max(time),
            count(*) FILTER (time NOT BETWEEN {EARLIEST.timestamp()} AND {latest}), count(*)
        FROM events WHERE {right}"""  # noqa: S608
    ).fetchall()[0]
    if odd > max_rejected * rows:
        raise DataError(
            f"read as {describe(unit)}, the times run from {shown(first)} to {shown(last)}, and "
            f"{odd:,} of {rows:,} are before 1980 or in the future; give the right --time-unit, or "
            "leave these rows out by --since and --until"
        )


def describe(unit: str) -> str:
    """Return a unit in words."""
    return WORDS.get(unit, f"format {unit}")


def shown(second: int) -> str:
    """Return a time in UTC, or the number where no calendar has it."""
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"second {second:,}"


def parse_moment(option: str, value: str) -> int:
    """Return the seconds of a date or time that a user typed; without a zone it is in UTC."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"{option} '{value}' is no date such as 2024-01-31") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
