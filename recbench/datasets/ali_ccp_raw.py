"""The raw files of Ali-CCP: rows, what rows of one visit share, and strings of features in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from recbench.data.reading import read_csv, whole_number
from recbench.errors import DataError

OF_VISIT = ("101", "121", "122", "124", "125", "126", "127", "128", "129")
"""Fields of the common features, a value each."""
OF_ROW = ("205", "206", "207", "210", "216", "508", "509", "702", "853", "301")
SEVERAL = ("109_14", "110_14", "127_14", "150_14")
"""Fields of the common features that have many values."""
FEATURE, VALUE, WEIGHT = "\x01", "\x02", "\x03"
"""What stands before a feature (but the first), a value and a weight."""
_WORD = f"[^{FEATURE}{VALUE}{WEIGHT}]+"
_ONE = f"{_WORD}{VALUE}[0-9]+{WEIGHT}{_WORD}"
_COMMON = {"common": "VARCHAR", "features": "INTEGER", "text": "VARCHAR"}
_SKELETON = {"sample": "VARCHAR", "click": "TINYINT", "conversion": "TINYINT", **_COMMON}
_PLAUSIBLE = "coalesce(click = 1 OR conversion = 0, true)"
"""Which rows are kept, in DuckDB's words."""


def make_rows(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `rows`, in the order of the files, with `testing` and `visit`; and `remarks`.

    Raises:
        DataError: If a file is damaged, or rows and common features do not fit together.
    """
    joined = []
    for part, shift in (("train", "0"), ("test", "(SELECT max(row) FROM skeleton_train)")):
        for kind, columns in (("skeleton", _SKELETON), ("common", _COMMON)):
            read_csv(db, f"{kind}_{part}", files[f"{kind}_{part}"], columns)
            _require_features(db, f"{kind}_{part}", files[f"{kind}_{part}"])
        _require_visits(db, part, files[f"common_{part}"])
        shared = _strongest(f"common_{part}", (*OF_VISIT, *SEVERAL), ("common", "row AS visit"))
        db.execute(f"CREATE TABLE visits_{part} AS {shared}; DROP TABLE common_{part}")
        own = _strongest(
            f"skeleton_{part}", OF_ROW, ("row", "common", "click", "conversion"), _PLAUSIBLE
        )
        names = ", ".join(f'"{name}"' for name in (*OF_VISIT, *OF_ROW, *SEVERAL))
        joined.append(
            f"""SELECT row + {shift} AS row, {part == "test"} AS testing, visit, {names},
                       click, conversion
            FROM ({own}) JOIN visits_{part} USING (common)"""  # noqa: S608
        )
    db.execute(
        f"""CREATE VIEW rows AS {" UNION ALL ".join(joined)};
        CREATE TABLE remarks AS
        SELECT count(*) AS count, 'left out: a conversion without a click' AS what
        FROM (SELECT click, conversion FROM skeleton_train
              UNION ALL SELECT click, conversion FROM skeleton_test)
        WHERE NOT {_PLAUSIBLE}"""  # noqa: S608
    )


def _strongest(
    table: str, fields: Iterable[str], others: Iterable[str], where: str = "true"
) -> str:
    """Return the query for the value of each field, in a row's `text`, that has most weight.

    Of values of one weight it is the smallest; null if the row has none.

    Args:
        table: A table that `_require_features` has found right.
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


def _require_features(db: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
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


def _require_visits(db: duckdb.DuckDBPyConnection, part: str, path: Path) -> None:
    """Raise `DataError` unless the common features of each row are in their file, once."""
    ((row, count),) = db.execute(
        f"SELECT min(row), count(*) FROM skeleton_{part} ANTI JOIN common_{part} USING (common)"  # noqa: S608
    ).fetchall()
    if count:
        raise DataError(
            f"{path} lacks the common features of {count:,} rows of the skeleton, the first in row "
            f"{row}; get both files again"
        )
    twice = db.execute(
        f"SELECT common FROM common_{part} GROUP BY common HAVING count(*) > 1 ORDER BY ALL LIMIT 1"  # noqa: S608
    ).fetchall()
    if twice:
        raise DataError(f"{path} has the index {twice[0][0]} twice; get the file again")


def _value(feature: str) -> str:
    """Return DuckDB's words for the value of a feature."""
    return whole_number(f"split_part(split_part({feature}, '{VALUE}', 2), '{WEIGHT}', 1)")
