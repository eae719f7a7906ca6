"""The interest that SIM's search unit is trained through, over histories without padding."""

from __future__ import annotations

import torch
from torch import Tensor

from recbench.ops.ragged import event_rows


def linear_interest(query: Tensor, events: Tensor, offsets: Tensor) -> Tensor:
    """Return sum_i (e_i . q) e_i over each history, [B, D], zeros where it is empty.

    Args:
        query: q of each row, [B, D].
        events: Vectors of all events, row after row, [N, D].
        offsets: Where rows begin and end, [B + 1] of int64.
    """
    rows = event_rows(offsets, len(events))
    query = query.to(events.dtype)
    terms = torch.linalg.vecdot(events, query.index_select(0, rows))[:, None] * events
    if terms.device.type == "cpu":
        return torch.zeros_like(query).index_add(0, rows, terms)
    # A segment's sum has one order; index_add would depend on the order of CUDA's threads.
    return torch.segment_reduce(terms, "sum", offsets=offsets, initial=0, unsafe=True)
