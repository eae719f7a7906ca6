"""The examples of each part on disk, the labels of the test part in a file of their own.

Models are asked for the test part without that file; only scoring opens it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.columns import Column, read_table, write_table
from recbench.data.gather import window

LABELS = "labels/test.arrow"
"""The file of the test part's labels, in a prepared folder."""
ORACLE = "oracle"
"""Column of the scores that no model is expected to beat, where the data know them."""


def write_samples(
    folder: Path,
    part: str,
    columns: Mapping[str, Any],
    labels: Sequence[str],
    episodes: Mapping[str, NDArray[np.int64]] | None = None,
) -> None:
    """Write the examples of a part.

    Of the test part, labels and `oracle` go to `LABELS`. Where there are episodes, a model adapts
    to labels of their support: those stay, and the others are blanked, nan or -1.

    Args:
        folder: The prepared folder.
        part: train, valid or test.
        columns: Every column by name, each [M].
        labels: The columns that are labels.
        episodes: Of cold start, the part's episodes.
    """
    kept = [name for name in (*labels, ORACLE) if name in columns]
    if part == "test" and kept:
        write_table(folder / LABELS, {name: columns[name] for name in kept})
        shown = {name: column for name, column in columns.items() if name not in kept}
        if episodes is not None:
            shown |= {name: _support_only(columns[name], episodes) for name in labels}
        columns = shown
    write_table(folder / f"samples/{part}.arrow", columns)


def read_samples(
    folder: Path, part: str, labels: Sequence[str], *, labelled: bool = True
) -> dict[str, Column]:
    """Return the columns of a part's examples.

    Args:
        folder: The prepared folder.
        part: train, valid or test.
        labels: The columns that are labels.
        labelled: Whether to open the labels of the test part; they are nan if not.

    Raises:
        DataError: If a file is missing or damaged.
    """
    columns = read_table(folder / f"samples/{part}.arrow")
    if part != "test" or not labels:
        return columns
    if labelled:
        return columns | read_table(folder / LABELS)
    count = len(next(iter(columns.values())))
    hidden = np.broadcast_to(np.float32(np.nan), count)
    return columns | {name: hidden for name in labels if name not in columns}


def _support_only(label: NDArray[Any], episodes: Mapping[str, NDArray[np.int64]]) -> NDArray[Any]:
    """Return labels [M] with those blanked that no episode has in its support."""
    start, stop = (np.asarray(episodes[f"support_{end}"], np.int64) for end in ("start", "stop"))
    shown = np.zeros(len(label), bool)
    shown[window(start, stop, -1)[1]] = True
    blank = np.nan if label.dtype.kind == "f" else -1
    return np.where(shown, label, np.asarray(blank, label.dtype))
