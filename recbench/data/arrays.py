"""Reading raw files that hold NumPy arrays; nothing in them is ever unpickled."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.reading import damaged, is_gzip


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return arrays of one dimension out of an .npz file, plain or .gz, by name.

    Raises:
        DataError: If the file is damaged, or an array is missing, of objects or of another shape.
    """
    opener = gzip.open if is_gzip(path) else open
    try:
        with opener(path, "rb") as file, zipfile.ZipFile(file) as archive:
            arrays = {name: _array(archive, f"{name}.npy") for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's fault, not the file's
        raise damaged(path, str(error).strip("'\"")) from error
    if wrong := [name for name, array in arrays.items() if array.ndim != 1]:
        raise damaged(path, f"'{wrong[0]}' has {arrays[wrong[0]].ndim} dimensions, and not one")
    return arrays


def _array(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    with archive.open(member) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array
