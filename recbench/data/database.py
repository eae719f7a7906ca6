"""The database that reads raw files: set up in one way, its failures told in one way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from recbench.data.card import Card, Dataset
from recbench.data.reading import Rejected, rejected
from recbench.errors import DataError, UsageError

DEFAULT_MEMORY = "1GiB"
"""Memory that DuckDB may use; `RECBENCH_MEMORY` overrides it."""
FILE = "ingest.duckdb"
"""The database's own file in the scratch folder."""


@contextmanager
def reading(
    dataset: Dataset, files: Mapping[str, Path], scratch: Path
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Rejected]]:
    """Yield a database that the dataset's reader has filled, and what it could not read.

    The database works out of core in `scratch`, where its file stays.

    Raises:
        UsageError: If the memory limit is no amount of memory.
        DataError: If the memory does not suffice, or the files are not in the expected format.
    """
    name = dataset.card.name
    with duckdb.connect(scratch / FILE) as db:
        memory = os.environ.get("RECBENCH_MEMORY") or DEFAULT_MEMORY
        try:
            db.execute("SET memory_limit=$limit", {"limit": memory})
        except duckdb.Error as error:
            raise UsageError(
                f"RECBENCH_MEMORY is '{memory}', which is no amount of memory; "
                "write a number and a unit, such as 1GiB"
            ) from error
        db.execute("SET enable_progress_bar=false")
        try:
            dataset.read(db, files)
            yield db, rejected(db)
        except duckdb.OutOfMemoryException as error:
            raise DataError(
                f"{name}: preparation needs more memory than allowed; set RECBENCH_MEMORY to more "
                f"than {memory}"
            ) from error
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise DataError(
                f"{name}: {', '.join(map(str, files.values()))}: not in the expected format: "
                f"{str(error).splitlines()[0]}; mend the file or get it again"
            ) from error


def require_few(card: Card, faults: Rejected, rows: int) -> None:
    """Raise `DataError` if too many rows beside the `rows` that were read could not be."""
    total = rows + faults.count
    if faults.count > card.max_rejected * total:
        raise DataError(
            f"{card.name}: {faults.count:,} of {total:,} rows are malformed:\n  "
            + "\n  ".join(faults.examples)
            + "\nmend or replace the file"
        )


def column_names(db: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the names of a table's or view's columns; none if there is no such table."""
    found = db.execute(
        """SELECT column_name FROM duckdb_columns() WHERE lower(table_name) = $table
        ORDER BY column_index""",
        {"table": table},
    ).fetchall()
    return [name for (name,) in found]


def row_count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the number of rows of a table."""
    row = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0
