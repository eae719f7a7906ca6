"""Vectors that data bring along, one an item: out of the reader's table, onto disk and back.

They go through disk a piece at a time, since those of a few million items pass the memory that a
preparation may use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import Card
from recbench.data.columns import Spool, read_table, write_table
from recbench.data.vocabulary import Renumbering
from recbench.errors import DataError
from recbench.schema import FIRST_ID, Field

VECTOR = re.compile(r"(?:FLOAT|DOUBLE)\[([1-9][0-9]*)\]")
"""DuckDB's types of vectors."""
PIECE = 1 << 24
"""Bytes that are held at a time."""

Table = NDArray[np.float32]


@dataclass(frozen=True)
class Vectors:
    """A vector for each item.

    Attributes:
        rows: By raw number, [V, width] on disk; zero where an item has none.
        known: How many items have one.
    """

    rows: Table
    known: int

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.rows.shape[1])

    def field(self, name: str) -> Field:
        """Return the schema's field."""
        return Field(name, "item", FIRST_ID + len(self.rows), self.width)


def vector_widths(db: duckdb.DuckDBPyConnection, card: Card) -> dict[str, int]:
    """Return the width of each column of the table `items` that holds vectors.

    Raises:
        DataError: If it or `users` has a column that holds several values, and no such vectors.
    """
    widths = {}
    tables = {name for (name,) in db.execute("SHOW TABLES").fetchall()}
    for table in sorted(tables & {"items", "users"}):
        for name, kind, *_ in db.execute(f"DESCRIBE {table}").fetchall():
            found = VECTOR.fullmatch(kind) if table == "items" else None
            if found is not None:
                widths[name] = int(found[1])
            elif kind.endswith(("]", ")")) and not kind.startswith(("DECIMAL", "ENUM")):
                raise DataError(
                    f"{card.name}: the {table} table has a column '{name}' of type {kind}, and a "
                    "field has one value; only items can have vectors, in a column of type "
                    "FLOAT[n]. Change the dataset's reader"
                )
    return widths


def ingest_vectors(
    db: duckdb.DuckDBPyConnection, card: Card, items: pa.Array, scratch: Path
) -> dict[str, Vectors]:
    """Return the vectors of the table `items`, stored under `scratch`.

    Args:
        db: Has the table, and `item_number` for the number of each raw id.
        card: Of the dataset.
        items: Raw id of each item.
        scratch: Where they may lie.

    Raises:
        DataError: If a vector has a value that is no finite number.
    """
    widths = vector_widths(db, card)
    if not widths:
        return {}
    kinds = {name: np.dtype((np.float32, (width,))) for name, width in widths.items()}
    spool = Spool(scratch / "vectors", len(items), kinds)
    found = {}
    for name, rows in spool.columns.items():
        known = 0
        for numbers, vectors in _pieces(db, name, rows.shape[1]):
            odd = ~np.isfinite(vectors).all(1)
            if odd.any():
                raise DataError(
                    f"{card.name}: '{name}' of the item {items[int(numbers[odd.argmax()])]} has a "
                    "value that is no finite number; mend the file or get it again"
                )
            rows[numbers] = vectors
            known += len(numbers)
        found[name] = Vectors(rows, known)
    return found


def write_vectors(folder: Path, vectors: Mapping[str, Vectors], renumbering: Renumbering) -> None:
    """Write a table of each field, a row for each final id."""
    for name, own in vectors.items():
        kind = np.dtype((np.float32, (own.width,)))
        with Spool(folder / "spool", FIRST_ID + len(own.rows), {"value": kind}) as spool:
            for rows in _slices(own.rows):
                numbers = renumbering.order[rows]
                spool.columns["value"][FIRST_ID:][rows] = own.rows[numbers]
            write_table(_file(folder, name), spool.columns)


def read_vectors(folder: Path, names: Iterable[str]) -> dict[str, Table]:
    """Return the tables of fields, [size, width], mapped from the files of a prepared folder.

    Raises:
        DataError: If a file is missing or damaged.
    """
    return {name: read_table(_file(folder, name))["value"] for name in names}


def vectors_fingerprint(start: str, tables: Mapping[str, Table]) -> str:
    """Return the SHA-256 of tables of vectors, in a fixed order, or `start` if there are none.

    Args:
        start: The fingerprint of what they belong to.
        tables: The table of each field, a row for each final id.
    """
    for name, table in tables.items():
        digest = hashlib.sha256(f"{start}{name}{table.shape[1]}".encode())
        for rows in _slices(table):
            digest.update(table[rows].astype("<f4").tobytes())
        start = digest.hexdigest()
    return start


def missing(vectors: Mapping[str, Vectors]) -> Iterator[str]:
    """Yield what is to be said of items without vectors."""
    for name, own in vectors.items():
        if without := len(own.rows) - own.known:
            yield f"items without '{name}': {without:,}; theirs is all zeros"


def _pieces(
    db: duckdb.DuckDBPyConnection, name: str, width: int
) -> Iterator[tuple[NDArray[np.int32], Table]]:
    """Yield the numbers of items, [N], and their vectors, [N, width]."""
    query = f"""SELECT n.number, s."{name}"::FLOAT[{width}] AS vector
        FROM item_number n JOIN items s USING (item) WHERE s."{name}" IS NOT NULL"""  # noqa: S608
    for batch in db.sql(query).to_arrow_reader(max(1, PIECE // (4 * width))):
        values = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
        yield batch.column("number").to_numpy(), values.reshape(-1, width)


def _slices(table: Table) -> Iterator[slice]:
    size = max(1, PIECE // (4 * table.shape[1]))
    for first in range(0, len(table), size):
        yield slice(first, min(first + size, len(table)))


def _file(folder: Path, name: str) -> Path:
    return folder / f"vectors/{name}.arrow"
