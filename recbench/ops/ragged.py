"""Rows of unequal length: masks over padded steps, row numbers of jagged events."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, steps: int) -> Tensor:
    """Return which of `steps` padded steps are real, [B, T] of bool, for `lengths` [B]."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax of `scores` over the last dimension, among real steps only.

    Args:
        scores: Any shape [..., T].
        mask: True where a step is real; broadcasts to `scores`.

    Returns:
        Weights shaped as `scores`: exactly 0 at padding, all 0 where no step is real.
    """
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0)


def event_rows(offsets: Tensor, events: int) -> Tensor:
    """Return the row each of `events` jagged events belongs to, [N], for `offsets` [B + 1]."""
    rows = torch.arange(len(offsets) - 1, device=offsets.device)
    return rows.repeat_interleave(offsets.diff(), output_size=events)
