"""Reading files that hold a record a line, in whatever notation: JSON, a Python literal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pyarrow as pa

from recbench.data.reading import MALFORMED, make_malformed, open_text

LONGEST = 1 << 20
"""Characters of a line; longer ones are malformed and never held whole."""
ROWS = 1 << 16
"""Rows held at a time."""


def read_lines(
    db: duckdb.DuckDBPyConnection,
    table: str,
    path: Path,
    columns: Mapping[str, str],
    parse: Callable[[str], Sequence[Any] | None],
) -> None:
    """Create `table` from a text file, plain or .gz, with a column `row`, the line's number.

    Args:
        db: The connection to create it in.
        table: The table's name.
        path: The file, in UTF-8.
        columns: DuckDB type of each column.
        parse: Takes a line and returns a value for each column, or None to leave the line out.
            It raises `ValueError` where the line is malformed, which is then counted as such.

    Raises:
        DataError: If the file is damaged.
    """
    types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    db.execute(f"CREATE TABLE {table} (row BIGINT, {types})")
    make_malformed(db)
    rows: list[Sequence[Any]] = []
    wrong: list[Sequence[Any]] = []
    with open_text(path, "utf-8-sig") as file:
        for number, line in _numbered(file):
            try:
                values = parse(_held(line))
            except ValueError as error:
                wrong.append((f"{path}:", number, str(error)))
            else:
                if values is not None:
                    rows.append((number, *values))
            if len(rows) + len(wrong) >= ROWS:
                rows, wrong = _insert(db, table, rows), _insert(db, MALFORMED, wrong)
    _insert(db, table, rows)
    _insert(db, MALFORMED, wrong)


def _numbered(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Yield each line that is not blank with its number; None in place of one that is too long."""
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        long = len(line) == LONGEST and not line.endswith("\n")
        rest = line
        while long and rest and not rest.endswith("\n"):
            rest = file.readline(LONGEST)
        if long or line.strip():
            yield number, None if long else line


def _held(line: str | None) -> str:
    if line is None:
        raise ValueError(f"the line has more than {LONGEST:,} characters")
    return line


def _insert(
    db: duckdb.DuckDBPyConnection, table: str, rows: list[Sequence[Any]]
) -> list[Sequence[Any]]:
    """Add rows to a table; return an empty list to go on with."""
    if rows:
        columns = [pa.array(values) for values in zip(*rows, strict=True)]
        batch = pa.table(columns, names=[f"c{place}" for place in range(len(columns))])
        db.register("batch", batch)
        db.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608
        db.unregister("batch")
    return []
