"""Strings of weighted features, as the raw files of Ali-CCP have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from recbench.data.reading import whole_number
from recbench.errors import DataError

FEATURE, VALUE, WEIGHT = "\x01", "\x02", "\x03"
"""What stands before a feature (but the first), a value and a weight."""
_WORD = f"[^{FEATURE}{VALUE}{WEIGHT}]+"
_ONE = f"{_WORD}{VALUE}[0-9]+{WEIGHT}{_WORD}"


def strongest(table: str, fields: Iterable[str], others: Iterable[str], where: str = "true") -> str:
    """Return the query for the value of each field, in a row's `text`, that has most weight.

    Of values of one weight it is the smallest; null if the row has none.

    Args:
        table: A table that `require_features` has found right.
        fields: Names of the fields, and of the columns that they become.
        others: Columns that stay as they are, perhaps with a new name.
        where: Which rows are wanted.
    """
    renamed = ", ".join(others)
    kept = ", ".join(name.split()[-1] for name in others)
    found = ", ".join(
        f"""list_filter(features, lambda each: starts_with(each, '{name}{VALUE}')) AS "{name}" """
        for name in fields
    )
    ranked = f"""lambda each: {{
        'weight': -coalesce(try_cast(split_part(each, '{WEIGHT}', 2) AS DOUBLE), 0),
        'value': {_value("each")}}}"""
    chosen = ", ".join(
        f"""CASE len("{name}") WHEN 0 THEN NULL WHEN 1 THEN {_value(f'"{name}"[1]')}
        ELSE list_min(list_transform("{name}", {ranked})).value END AS "{name}" """
        for name in fields
    )
    return f"""SELECT {kept}, {chosen} FROM (SELECT {kept}, {found} FROM (
        SELECT {renamed}, string_split(coalesce(text, ''), '{FEATURE}') AS features
        FROM {table} WHERE {where}))"""  # noqa: S608


def require_features(db: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    """Raise `DataError` if a row's `text` is not made of features; a row may have none.

    Args:
        db: Where the table is, with `row`, `features` (how many there are) and `text`.
        table: Its name.
        path: The file that it was read from.
    """
    right = f"regexp_full_match(text, '{_ONE}(?:{FEATURE}{_ONE})*')"
    ((row, count),) = db.execute(
        f"""SELECT min(row), count(*) FROM {table}
        WHERE NOT coalesce({right}, coalesce(features, 0) = 0)"""  # noqa: S608
    ).fetchall()
    if count:
        raise DataError(
            f"{path}: the features of {count:,} rows are not 'field \\x02 value \\x03 weight' with "
            f"\\x01 between them, the first in row {row}; get the file again"
        )


def _value(feature: str) -> str:
    """Return DuckDB's words for the value of a feature."""
    return whole_number(f"split_part(split_part({feature}, '{VALUE}', 2), '{WEIGHT}', 1)")
