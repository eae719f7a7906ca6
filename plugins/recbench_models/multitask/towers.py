"""Towers: what is a label's own, on top of what the labels share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbench.layers import MLP


class Towers(nn.Module):
    """An MLP for each label, with ReLU and one output."""

    def __init__(
        self, in_features: int, number: int, units: Sequence[int], dropout: float = 0.0
    ) -> None:
        """Build `number` towers with hidden layers of `units`."""
        super().__init__()
        self.mlps = nn.ModuleList(
            MLP(in_features, units, "relu", dropout=dropout) for _ in range(number)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of each tower for its part of [B, T, inputs], [B, T]."""
        each = (tower(rows) for tower, rows in zip(self.mlps, x.unbind(1), strict=True))
        return torch.cat(list(each), 1)
