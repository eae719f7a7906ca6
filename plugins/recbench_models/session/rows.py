"""Sparse rows in buffers: for each item a few other items, each with a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Ints = NDArray[np.int64]

PENDING = 1 << 24
"""Pairs held before equal ones are counted together; bounds memory, and changes no result."""


class SparseRows(nn.Module):
    """A matrix of few entries, in compressed rows.

    Its buffers take the size of the state that is loaded.

    Attributes:
        offsets: Where each row begins, [rows + 1] of int64.
        columns: Column of each entry, [entries] of int64.
        values: Value of each entry, [entries].
    """

    offsets: Tensor
    columns: Tensor
    values: Tensor

    def __init__(self, rows: int) -> None:
        """Build `rows` empty rows."""
        super().__init__()
        self.register_buffer("offsets", torch.zeros(rows + 1, dtype=torch.int64))
        self.register_buffer("columns", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("values", torch.zeros(0))

    def fill(self, rows: Ints, columns: Ints, values: NDArray[Any]) -> None:
        """Set the entries, each [entries]; rows ascend."""
        bounds = np.searchsorted(rows, np.arange(len(self.offsets)))
        for name, found in (("offsets", bounds), ("columns", columns), ("values", values)):
            buffer = getattr(self, name)
            setattr(self, name, torch.from_numpy(found).to(buffer.device, buffer.dtype))

    def put(self, rows: Tensor, dense: Tensor) -> Tensor:
        """Add the entries of each of `rows` [B] to a row of `dense` [B, columns], in place."""
        starts, counts = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        owner = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        first = counts.cumsum(0) - counts
        entry = starts[owner] + torch.arange(len(owner), device=rows.device) - first[owner]
        place = (owner, self.columns[entry])
        dense[place] += self.values[entry].to(dense.dtype)  # no place occurs twice
        return dense

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, *rest: Any
    ) -> None:
        for name in ("columns", "values"):
            if (saved := state_dict.get(prefix + name)) is not None:
                setattr(self, name, getattr(self, name).new_zeros(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def count_pairs(batches: Iterable[tuple[Ints, Ints]], columns: int) -> tuple[Ints, Ints, Ints]:
    """Return each distinct pair of `batches`, ordered, as rows, columns and how often it occurs.

    Args:
        batches: Pairs of row and column, each [N].
        columns: Number of columns.
    """
    codes, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    pending: list[Ints] = []
    for row, column in batches:
        pending.append(row * columns + column)
        if sum(map(len, pending)) >= PENDING:
            codes, counts = _merge(codes, counts, pending)
            pending = []
    codes, counts = _merge(codes, counts, pending)
    return codes // columns, codes % columns, counts


def _merge(codes: Ints, counts: Ints, pending: list[Ints]) -> tuple[Ints, Ints]:
    more, times = np.unique(np.concatenate([codes[:0], *pending]), return_counts=True)
    merged, place = np.unique(np.concatenate([codes, more]), return_inverse=True)
    total = np.zeros(len(merged), np.int64)
    np.add.at(total, place, np.concatenate([counts, times]))
    return merged, total
