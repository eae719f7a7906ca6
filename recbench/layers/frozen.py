"""Vectors that a dataset brings along and no model trains, seen through a projection."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class FrozenVectors(nn.Module):
    """Rows of a fixed table, times a matrix that is learnt: W v, without a bias.

    So a row of zeros stays one. The table is a fact of the data and no part of the module's state,
    but goes where the module goes. On a CPU it is not copied: it stays where it is mapped from.
    """

    vectors: Tensor

    def __init__(self, vectors: NDArray[np.float32], dim: int, std: float) -> None:
        """Take the table and draw W.

        Args:
            vectors: The table, [rows, width] of float32; never written to.
            dim: Width of what is returned, D.
            std: Standard deviation of W's normal distribution.
        """
        super().__init__()
        with warnings.catch_warnings():  # of a read-only map: nothing here writes to it
            warnings.simplefilter("ignore", UserWarning)
            table = torch.from_numpy(vectors)
        self.register_buffer("vectors", table, persistent=False)
        self.weight = nn.Parameter(torch.empty(dim, vectors.shape[1]).normal_(std=std))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the projected rows at `ids` [...], [..., D]."""
        return F.linear(F.embedding(ids, self.vectors), self.weight)
