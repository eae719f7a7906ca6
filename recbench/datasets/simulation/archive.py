"""An uncompressed `.npz` file written piece by piece, so that no array is held whole."""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArchiveWriter:
    """Writes named arrays, each as numbered pieces that `read_archive` joins again."""

    def __init__(self, path: Path) -> None:
        """Open `path` for writing."""
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self._pieces: dict[str, int] = defaultdict(int)

    def __enter__(self) -> ArchiveWriter:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._zip.close()

    def append(self, **arrays: NDArray[Any]) -> None:
        """Add a piece to each of the named arrays; pieces join along their first axis."""
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.{self._pieces[name]:06d}.npy")  # dated 1980: stable
            self._pieces[name] += 1
            with self._zip.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)

    def append_json(self, name: str, value: object) -> None:
        """Add a JSON value as an array of its UTF-8 bytes."""
        text = json.dumps(value, sort_keys=True).encode()
        self.append(**{name: np.frombuffer(text, dtype=np.uint8)})


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of `ArchiveWriter`.

    Raises:
        OSError: The file cannot be opened.
        zipfile.BadZipFile: The file is damaged.
    """
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    with np.load(path, allow_pickle=False) as archive:
        for member in archive.files:
            pieces[re.sub(r"\.\d{6}$", "", member)].append(archive[member])
    return {name: np.concatenate(arrays) for name, arrays in pieces.items()}
