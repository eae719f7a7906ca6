"""The interest that SIM's search unit is trained through, over histories without padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recbench.ops.ragged import event_rows, length_mask

EVENTS = 4096
"""Events at a time, padding included: their vectors stay in the caches."""


def linear_interest(query: Tensor, events: Tensor, offsets: Tensor) -> Tensor:
    """Return sum_i (e_i . q) e_i over each history, [B, D], zeros where it is empty.

    Args:
        query: q of each row, [B, D].
        events: Vectors of all events, row after row, [N, D].
        offsets: Where rows begin and end, [B + 1] of int64.
    """
    if events.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            query = query.to(events.dtype)
            interest: Tensor = _LinearInterest.apply(query, events, offsets)  # type: ignore[no-untyped-call]
        return interest
    worth = (events * query[event_rows(offsets, len(events))]).sum(1, keepdim=True)
    # A segment's sum has one order; index_add would depend on the order of CUDA's threads.
    return torch.segment_reduce(worth * events, "sum", offsets=offsets, initial=0, unsafe=True)


class _LinearInterest(torch.autograd.Function):
    """A few rows at a time, padded to the longest of them, by products of matrices."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, events: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(query, events)
        ctx.bounds = offsets.tolist()
        interest = torch.empty_like(query)
        for block in _blocks(ctx.bounds):
            padded = block.pad(events)
            worth = padded @ query[block.rows, :, None]  # [b, T, 1]
            interest[block.rows] = (worth.mT @ padded)[:, 0]
        return interest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, events = ctx.saved_tensors
        of_query, of_events = torch.empty_like(query), torch.empty_like(events)
        for block in _blocks(ctx.bounds):
            padded = block.pad(events)
            both = torch.stack([gradient[block.rows], query[block.rows]], 1)  # [b, 2, D]
            # The gradient of each event's worth, and that worth.
            worth = padded @ both.mT  # [b, T, 2]
            of_query[block.rows] = (worth[..., :1].mT @ padded)[:, 0]
            block.put(of_events, worth.flip(-1) @ both)
        return of_query, of_events, None


class _Block:
    """Rows that follow one another.

    Attributes:
        rows: Which.
    """

    def __init__(self, first: int, bounds: Sequence[int]) -> None:
        """Take the rows from `first` on whose events lie between `bounds`."""
        self.rows = slice(first, first + len(bounds) - 1)
        self._events = slice(bounds[0], bounds[-1])
        lengths = torch.tensor(bounds).diff()
        self._count, self._longest = len(lengths), int(lengths.max())
        # Which padded steps are real, in the order of events; None if all are.
        self._real: Tensor | None = None
        if self._count * self._longest != bounds[-1] - bounds[0]:
            self._real = length_mask(lengths, self._longest)

    def pad(self, events: Tensor) -> Tensor:
        """Return the vectors of the rows' events, padded with zeros, [b, T, D]."""
        own = events[self._events]
        if self._real is None:
            return own.view(self._count, self._longest, events.shape[1])
        padded = own.new_zeros(self._count, self._longest, events.shape[1])
        padded[self._real] = own
        return padded

    def put(self, events: Tensor, padded: Tensor) -> None:
        """Write padded vectors to where the rows' events lie."""
        own = events[self._events]
        if self._real is None:
            own.copy_(padded.view_as(own))
        else:
            own.copy_(padded[self._real])


def _blocks(bounds: Sequence[int]) -> Iterator[_Block]:
    """Yield all rows in blocks of `EVENTS` events, or one row where that has more."""
    first, longest = 0, 0
    for row in range(len(bounds) - 1):
        longest_with = max(longest, bounds[row + 1] - bounds[row])
        if row > first and longest_with * (row + 1 - first) > EVENTS:
            yield _Block(first, bounds[first : row + 1])
            first, longest_with = row, bounds[row + 1] - bounds[row]
        longest = longest_with
    if len(bounds) > 1:
        yield _Block(first, bounds[first:])
