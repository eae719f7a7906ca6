"""A table of columns on disk: one Arrow IPC file, one record batch, read through a memory map.

One batch keeps every column contiguous, so that a column is a NumPy array over the file's own
pages: nothing is loaded until it is touched, and pandas, Polars and DuckDB open the same file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from recbench.errors import DataError

Column = NDArray[Any]


class Spool:
    """Columns of a known length and type, written piece by piece to disk-backed arrays.

    Attributes:
        columns: The arrays, to be filled by position; they live in `folder` until `close`. A type
            may be that of a vector, as `numpy.dtype((numpy.float32, (64,)))`: a row is one of them.
    """

    def __init__(self, folder: Path, length: int, types: Mapping[str, DTypeLike]) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self.columns: dict[str, Column] = {
            name: _create(folder / f"{name}.npy", np.dtype(dtype), length)
            if length
            else np.empty(0, dtype)
            for name, dtype in types.items()
        }

    def close(self) -> None:
        """Give the disk space back; the columns must not be used afterwards."""
        self.columns.clear()
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()

    def __enter__(self) -> Spool:
        """Return the spool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the spool."""
        self.close()


def write_table(path: Path, columns: Mapping[str, Column | pa.Array]) -> None:
    """Write `columns`, all of one length, to `path`; arrays are streamed from where they are."""
    arrays = [_to_arrow(values) for values in columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def read_table(path: Path) -> dict[str, Column | pa.Array]:
    """Return the columns of `path`: numbers as read-only NumPy arrays, text as Arrow arrays.

    A column of vectors is an array of two dimensions.

    Raises:
        DataError: If the file is missing or is not such a table.
    """
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"prepared file {path} cannot be read ({error}); delete its folder to prepare it again"
        ) from error
    return {name: _from_arrow(table.column(name)) for name in table.column_names}


def _create(path: Path, dtype: np.dtype[Any], length: int) -> Column:
    """Return an array over a new file whose disk space is taken at once.

    A full disk is an `OSError` here; on first touch of a page it would be a SIGBUS.
    """
    column: Column = np.lib.format.open_memmap(path, "w+", dtype.base, (length, *dtype.shape))
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return column


def _to_arrow(values: Column | pa.Array) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    flat = pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)])
    if values.ndim == 1:
        return flat
    width = values.shape[1]
    return pa.Array.from_buffers(pa.list_(kind, width), len(values), [None], children=[flat])


def _from_arrow(column: pa.ChunkedArray) -> Column | pa.Array:
    whole = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_primitive(whole.type) and not whole.null_count:
        return whole.to_numpy(zero_copy_only=True)
    if pa.types.is_fixed_size_list(whole.type) and not whole.null_count:
        return whole.flatten().to_numpy(zero_copy_only=True).reshape(len(whole), -1)
    return whole
