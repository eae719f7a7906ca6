"""Checks of an import that look at the values of columns."""

from __future__ import annotations

import duckdb

from recbench.datasets.imported.description import Description, SourceFile
from recbench.datasets.imported.log import key_cell, matches, truth
from recbench.datasets.imported.table import number
from recbench.errors import DataError, UsageError, unknown_name

VALUES = 6
"""Values of a column that an error names."""


def is_real(db: duckdb.DuckDBPyConnection, own: Description, field: str) -> bool:
    """Return whether a label is any number, and not 0 or 1."""
    cell = own.events.cell(own.labels[field])
    known, binary, numbers = db.execute(
        f"SELECT count({cell}), count({truth(cell)}), count({number(cell)}) FROM events_file"  # noqa: S608
    ).fetchall()[0]
    if not known:
        raise DataError(f"the label '{own.labels[field]}' has no value in any row")
    if binary == known:
        return False
    if numbers < (1 - own.max_rejected) * known:
        require_truth(db, own, own.labels[field])
    return True


def require_truth(db: duckdb.DuckDBPyConnection, own: Description, column: str) -> None:
    """Raise `DataError` if a label has another value than 0 and 1."""
    cell = own.events.cell(column)
    odd = _values(db, f"{cell} IS NOT NULL AND {truth(cell)} IS NULL", cell)
    if not odd:
        return
    mend = "write 0 and 1" if own.task == "multi-task" else "say which are a click: --positive 4,5"
    raise DataError(
        f"the label '{column}' of {own.events.name} has values that are neither 0 nor 1: "
        f"{', '.join(odd)}; {mend}"
    )


def require_values(db: duckdb.DuckDBPyConnection, own: Description, column: str) -> None:
    """Raise `UsageError` if a value that shall be positive is in no row."""
    cell = own.events.cell(column)
    for value in own.positive:
        if not _values(db, f"{matches(cell, [value])} = 1", cell):
            known = _values(db, f"{cell} IS NOT NULL", cell)
            raise UsageError(f"--positive: {unknown_name(f'value of {column}', value, known)}")


def _values(db: duckdb.DuckDBPyConnection, condition: str, cell: str) -> list[str]:
    rows = db.execute(
        f"SELECT DISTINCT {cell} FROM events_file WHERE {condition} ORDER BY 1 LIMIT {VALUES}"  # noqa: S608
    ).fetchall()
    return [str(value) for (value,) in rows]


def require_single(
    db: duckdb.DuckDBPyConnection, own: Description, role: str, file: SourceFile
) -> None:
    """Raise `DataError` if a file has two rows about one user or item."""
    key = role[:-1]
    column = own.columns[key]
    cell = key_cell(file.cell(column), key in own.integers)
    row = db.execute(
        f"""SELECT {cell}, count(*) AS n FROM {role}_file WHERE {cell} IS NOT NULL
        GROUP BY 1 HAVING n > 1 ORDER BY 1 LIMIT 1"""  # noqa: S608
    ).fetchone()
    if row:
        raise DataError(f"{file.path} has {row[1]:,} rows whose '{column}' is '{row[0]}'; keep one")
