"""Outputs of layers that autocast has made narrow, for what needs all digits."""

from __future__ import annotations

import torch
from torch import Tensor


def widen(values: Tensor) -> Tensor:
    """Return bfloat16 and float16 as float32, for losses and sums; wider values as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
