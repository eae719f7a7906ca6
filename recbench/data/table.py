"""From raw files to the coded rows of a table, part by part: the part that DuckDB does.

A row is an example. Its categories become ids whose vocabulary is fitted on the training part, its
numbers and labels stay as they are. Memory is bounded by DuckDB's limit, the largest vocabulary and
a few bytes a row: columns are read one by one, straight to disk-backed arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

ROWS = 1 << 20
"""Rows of one column that are held at a time."""
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
        db.execute("CREATE TABLE ordered AS SELECT * FROM rows ORDER BY row")
        count = row_count(db, "ordered")
        require_few(dataset.card, faults, count)
        names = _names(db, dataset, protocol)
        parts = _parts(db, dataset, protocol, count, scratch)
        counts = np.array([np.count_nonzero(parts == part) for part in range(len(PARTS))])
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
    card, found = dataset.card, column_names(db, "ordered")
    for name in (*card.labels, *card.numbers, *protocol.left_out):
        if name not in found:
            raise DataError(f"{card.name}: the reader makes no column '{name}', which its card has")
    besides = {"row", "testing", *card.labels, *protocol.left_out, *protocol.split.reads}
    names = tuple(name for name in found if name not in besides)
    for name in (*names, *card.labels):
        if name.lower() in TAKEN:
            raise DataError(
                f"{card.name}: the rows have a column '{name}', a name that recbench itself uses; "
                "give the column another one in the dataset's reader"
            )
    return names


def _parts(
    db: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    protocol: TableProtocol,
    count: int,
    scratch: Path,
) -> NDArray[np.int8]:
    """Create `drawn(part)` beside `ordered`; return the part of each of its rows, [R]."""
    name, types = dataset.card.name, protocol.split.reads
    found = column_names(db, "ordered")
    for key in types:
        if key not in found:
            raise DataError(f"{name}: the protocol needs a column '{key}', and the reader has none")
        query = f'SELECT min(row) FROM ordered WHERE "{key}" IS NULL'  # noqa: S608
        ((odd,),) = db.execute(query).fetchall()
        if odd is not None:
            raise DataError(f"{name}: row {odd} has no '{key}', which decides its part")
    with Spool(scratch / "split", count, types) as spool:
        for key, column in spool.columns.items():
            for start, values in _stream(db, key):
                column[start : start + len(values)] = values.to_numpy(zero_copy_only=False)
        try:
            parts = protocol.split.parts(count, spool.columns)
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
    batches = (
        pa.record_batch({"part": parts[start : start + ROWS]})
        for start in range(0, max(count, 1), ROWS)
    )
    db.register("found", pa.RecordBatchReader.from_batches(pa.schema({"part": pa.int8()}), batches))
    db.execute("CREATE TABLE drawn AS SELECT part FROM found")
    db.unregister("found")
    return parts


def _stream(db: duckdb.DuckDBPyConnection, name: str) -> Iterator[tuple[int, pa.Array]]:
    """Yield a column of `ordered` in its order, piece by piece, each with its first place."""
    start = 0
    # Without a join, a sort or a second table, DuckDB keeps the order of the rows.
    for batch in db.sql(f'SELECT "{name}" FROM ordered').to_arrow_reader(ROWS):  # noqa: S608
        yield start, batch.column(0)
        start += len(batch)


def _vocabulary(db: duckdb.DuckDBPyConnection, name: str) -> tuple[pa.Array, int]:
    """Return all values of a column, the training part's first, and how many ids models know."""
    found = db.sql(
        f"""SELECT ordered."{name}" AS value, bool_or(drawn.part = {TRAIN}) AS known
        FROM ordered POSITIONAL JOIN drawn WHERE value IS NOT NULL
        GROUP BY ALL ORDER BY known DESC, value"""  # noqa: S608
    ).to_arrow_table()
    values, known = (found.column(key).combine_chunks() for key in ("value", "known"))
    return values, FIRST_ID + known.true_count


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
    """Stream the columns into the spools of the rows' parts."""
    names = ["row", *(field.name for field in table.fields)]
    with progress.bar("reading columns", table.rows * len(names), "values") as bar:
        for name in names:
            filled = [0] * len(PARTS)
            for start, raw in _stream(db, name):
                coded = _coded(raw, table.values.get(name))
                here = parts[start : start + len(raw)]
                for part, key in enumerate(PARTS):
                    own = coded[here == part]
                    stop = filled[part] + len(own)
                    table.parts[key].columns[name][filled[part] : stop] = own
                    filled[part] = stop
                bar.advance(len(raw))


def _require_usable(dataset: Dataset, table: Table) -> None:
    """Raise `DataError` if a number is infinite, or a binary label neither 0 nor 1."""
    for field in table.fields:
        if field.role == "context" and field.size:
            continue
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
