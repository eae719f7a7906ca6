"""Reading vectors out of HDF5 files: an array of ids beside an array of a vector each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.reading import CHUNK, damaged, is_gzip, open_bytes
from recbench.errors import UsageError

SUFFIXES = (".h5", ".hdf5")
"""What the names of HDF5 files end in."""
WIDEST = 1 << 12
"""Most numbers that a vector may have."""
PIECE = 1 << 24
"""Bytes of vectors that are held at a time."""


def read_hdf5_vectors(
    db: duckdb.DuckDBPyConnection, table: str, path: Path, ids: str, vectors: str
) -> None:
    """Create `table` of the columns `item` and `vector` from an HDF5 file, plain or .gz.

    Args:
        db: The connection to create it in.
        table: The table's name.
        path: The file.
        ids: The name of the array of items, whole numbers [N].
        vectors: The name of the array of their vectors, floats [N, width].

    Raises:
        UsageError: If the package h5py is not installed.
        DataError: If the file is damaged, or an array is missing, or of another shape or type.
    """
    _require_h5py(path)
    for place, (items, rows) in enumerate(_pieces(path, ids, vectors)):
        width = rows.shape[1]
        if not place:
            db.execute(f"CREATE TABLE {table} (item BIGINT, vector FLOAT[{width}])")
        lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), width)
        db.register("vector_piece", pa.table({"item": items, "vector": lists}))
        db.execute(f"INSERT INTO {table} FROM vector_piece")  # noqa: S608
        db.unregister("vector_piece")


def require_readable(names: Iterable[str]) -> None:
    """Raise `UsageError` if one of the names is that of an HDF5 file, and h5py is not installed."""
    for name in names:
        if name.endswith(SUFFIXES):
            _require_h5py(name)


def _require_h5py(file: str | Path) -> None:
    if find_spec("h5py") is None:
        raise UsageError(f"reading {file} needs h5py: pip install 'recbench[hdf5]'")


def _pieces(
    path: Path, ids: str, vectors: str
) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
    """Yield items and their vectors, a piece at a time; `DataError` if the file is not right."""
    import h5py

    with open_bytes(path) as file:
        if is_gzip(path):
            while file.read(CHUNK):  # to the end, where its checksum is
                pass
            file.seek(0)
        try:
            with h5py.File(file, "r") as content:
                items, rows = (_array(content, name) for name in (ids, vectors))
                _require_alike(items, rows, ids, vectors)
                numbers = items[:].astype(items.dtype.newbyteorder("="))
                size = max(1, PIECE // (rows.dtype.itemsize * rows.shape[1]))
                for first in range(0, len(numbers), size):
                    with np.errstate(over="ignore"):  # what is too large is found as infinite
                        piece = rows[first : first + size].astype(np.float32)
                    yield numbers[first : first + size], piece
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's fault, not the file's
            raise damaged(path, str(error.args[0] if error.args else error)) from error


def _array(content: Any, name: str) -> Any:
    """Return an array of an open file; `ValueError` if it is none, or lies in another file."""
    import h5py

    link = content.get(name, getlink=True)
    array = content[name] if isinstance(link, h5py.HardLink) else None
    if link is None or (array is not None and not isinstance(array, h5py.Dataset)):
        raise ValueError(f"it has no array '{name}'; it has: {', '.join(content) or 'none'}")
    if array is None or array.is_virtual or array.external:
        raise ValueError(f"'{name}' is kept elsewhere, and no link is followed")
    return array


def _require_alike(items: Any, rows: Any, ids: str, vectors: str) -> None:
    """Raise `ValueError` unless there is a whole number for each of the vectors."""
    if items.ndim != 1 or items.dtype.kind not in "iu":
        raise ValueError(f"'{ids}' is {items.dtype} {items.shape}, and no list of whole numbers")
    if rows.ndim != 2 or rows.dtype.kind != "f":
        raise ValueError(f"'{vectors}' is {rows.dtype} {rows.shape}, and no table of floats")
    if len(items) != len(rows):
        raise ValueError(f"'{ids}' has {len(items):,} items and '{vectors}' {len(rows):,}")
    if not len(items) or not 0 < rows.shape[1] <= WIDEST:
        raise ValueError(f"'{vectors}' is {rows.shape}; there must be 1 to {WIDEST} columns")
