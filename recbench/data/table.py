"""From raw files to the coded rows of a table, part by part: the part that DuckDB does.

A row is an example. Its categories become ids whose vocabulary is fitted on the training part, its
numbers and labels stay as they are. Memory is bounded by the vocabularies and a byte a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from recbench.data.card import RESERVED, Dataset
from recbench.data.columns import Spool
from recbench.data.database import column_names, reading, require_few, row_count
from recbench.data.protocol import PARTS, TRAIN, require_parts
from recbench.data.reading import Rejected
from recbench.data.table_protocol import TableProtocol
from recbench.errors import DataError
from recbench.progress import Progress
from recbench.schema import FIRST_ID, UNSEEN, Field

ROWS = 1 << 16
TAKEN = RESERVED - {"click"} | {"time", "oracle", "history_start", "history_stop"}
"""Names that no column of a table can have, because prepared logs use them."""


@dataclass(frozen=True)
class Table:
    """The rows of a table, coded, on disk.

    Attributes:
        parts: For each part a spool with the columns `row`, fields and labels, in row order.
        fields: Inputs and labels, in schema order.
        values: For each category, the raw value of each id from `FIRST_ID` on: those of the
            training part, then the others, both in ascending order.
        rows: Number of rows.
        rejected: Rows that could not be read.
    """

    parts: Mapping[str, Spool]
    fields: tuple[Field, ...]
    values: Mapping[str, pa.Array]
    rows: int
    rejected: Rejected

    def __enter__(self) -> Table:
        """Return the table itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the disk space back; the spools must not be used afterwards."""
        with ExitStack() as stack:
            for spool in self.parts.values():
                stack.callback(spool.close)


def ingest_table(
    dataset: Dataset,
    protocol: TableProtocol,
    files: Mapping[str, Path],
    scratch: Path,
    progress: Progress,
) -> Table:
    """Read `files` with the dataset's reader and return its rows as a protocol splits them."""
    with reading(dataset, files, scratch) as (db, faults):
        count = row_count(db, "rows")
        require_few(dataset.card, faults, count)
        names = _names(db, dataset, protocol)
        db.execute(
            """CREATE TABLE ordered AS
            SELECT *, row_number() OVER (ORDER BY row) - 1 AS place FROM rows"""
        )
        parts = _parts(db, protocol, count)
        counts = np.bincount(parts, minlength=len(PARTS))
        require_parts(dict(zip(PARTS, counts.tolist(), strict=True)), dataset.card.name)
        labels = dataset.card.label_fields(protocol)
        numbers = {name for name in names if name in dataset.card.numbers}
        values, sizes = {}, dict.fromkeys(numbers, 0)
        for name in names:
            if name not in numbers:
                values[name], sizes[name] = _vocabulary(db, name)
        fields = (*(Field(name, "context", sizes[name]) for name in names), *labels)
        table = Table(_spools(scratch, fields, counts), fields, values, count, faults)
        _fill(db, table, parts, progress)
        _require_usable(dataset, table)
        return table


def _names(
    db: duckdb.DuckDBPyConnection, dataset: Dataset, protocol: TableProtocol
) -> tuple[str, ...]:
    """Return the names of the inputs, in the reader's order."""
    card, found = dataset.card, column_names(db, "rows")
    for name in (*card.labels, *card.numbers, *protocol.left_out):
        if name not in found:
            raise DataError(f"{card.name}: the reader makes no column '{name}', which its card has")
    for name in found:
        if name.lower() in TAKEN:
            raise DataError(
                f"{card.name}: the rows have a column '{name}', a name that recbench itself uses; "
                "give the column another one in the dataset's reader"
            )
    besides = {"row", "testing", *card.labels, *protocol.left_out}
    return tuple(name for name in found if name not in besides)


def _parts(db: duckdb.DuckDBPyConnection, protocol: TableProtocol, count: int) -> NDArray[np.int8]:
    """Create `training(place)`, the training part; return the part of each row, [R]."""
    testing = None
    if "testing" in column_names(db, "ordered"):
        stored = db.sql("SELECT testing::BOOLEAN FROM ordered ORDER BY place").to_arrow_table()
        testing = stored.column(0).to_numpy()
    parts = protocol.split.parts(count, testing)
    chosen = pa.table({"place": np.flatnonzero(parts == TRAIN)})
    db.register("chosen", chosen)
    db.execute("CREATE TABLE training AS SELECT * FROM chosen")
    db.unregister("chosen")
    return parts


def _vocabulary(db: duckdb.DuckDBPyConnection, name: str) -> tuple[pa.Array, int]:
    """Return all values of a column, the training part's first, and how many ids models know."""
    known = f"""SELECT DISTINCT "{name}" AS value FROM ordered SEMI JOIN training USING (place)
        WHERE value IS NOT NULL"""  # noqa: S608
    others = f"""SELECT DISTINCT "{name}" AS value FROM ordered
        WHERE value IS NOT NULL AND value NOT IN ({known})"""  # noqa: S608
    first, rest = (
        db.sql(f"SELECT value FROM ({query}) ORDER BY value").to_arrow_table().column(0)  # noqa: S608
        for query in (known, others)
    )
    values = pa.concat_arrays([pa.array([], first.type), *first.chunks, *rest.chunks])
    return values, FIRST_ID + len(first)


def _spools(
    scratch: Path, fields: tuple[Field, ...], counts: NDArray[np.int64]
) -> dict[str, Spool]:
    types: dict[str, DTypeLike] = {"row": np.int64}
    for field in fields:
        category = field.role == "context" and field.size
        types[field.name] = np.int32 if category else np.float32
    return {
        part: Spool(scratch / f"rows-{part}", int(count), types)
        for part, count in zip(PARTS, counts, strict=True)
    }


def _fill(
    db: duckdb.DuckDBPyConnection, table: Table, parts: NDArray[np.int8], progress: Progress
) -> None:
    """Stream the rows into the spools of their parts."""
    names = ["row", *(field.name for field in table.fields)]
    chosen = ", ".join(f'"{name}"' for name in names)
    query = f"SELECT {chosen} FROM ordered ORDER BY place"  # noqa: S608
    done, filled = 0, [0] * len(PARTS)
    with progress.bar("reading rows", table.rows, "rows") as bar:
        for batch in db.sql(query).to_arrow_reader(ROWS):
            here = parts[done : done + len(batch)]
            columns = {name: _coded(batch.column(name), table.values.get(name)) for name in names}
            for part, name in enumerate(PARTS):
                rows = here == part
                stop = filled[part] + int(rows.sum())
                for key, target in table.parts[name].columns.items():
                    target[filled[part] : stop] = columns[key][rows]
                filled[part] = stop
            done += len(batch)
            bar.advance(len(batch))


def _require_usable(dataset: Dataset, table: Table) -> None:
    """Raise `DataError` if a number is infinite, or a binary label neither 0 nor 1."""
    for field in table.fields:
        for spool in table.parts.values():
            values = spool.columns[field.name]
            if field.role == "label" and field.size:
                odd = ~(np.isnan(values) | (values == 0) | (values == 1))
                what = "a binary label that is neither 0 nor 1"
            else:
                odd, what = np.isinf(values), "a number that is not finite"
            if odd.any():
                row = spool.columns["row"][odd][0]
                raise DataError(
                    f"{dataset.card.name}: row {row} has {what} in '{field.name}': "
                    f"{values[odd][0]:g}; mend the file or the dataset's reader"
                )


def _coded(column: pa.Array, values: pa.Array | None) -> NDArray[Any]:
    """Return ids of categories, and anything else as numbers with nan for null."""
    if values is None:
        numbers: NDArray[Any] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return numbers
    places = pc.index_in(column, value_set=values).fill_null(UNSEEN - FIRST_ID)
    ids: NDArray[Any] = places.to_numpy(zero_copy_only=False)
    return ids + FIRST_ID
