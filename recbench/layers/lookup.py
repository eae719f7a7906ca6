"""Rows of a table by id, with a backward pass that is paid for once."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.schema import PADDING


def lookup(table: Tensor, *ids: Tensor) -> tuple[Tensor, ...]:
    """Return the rows of `table` [rows, D] at each of `ids`, [..., D] for [...].

    The gradient of the row `PADDING` is zero. On a CPU all `ids` share one gradient as large as the
    table, where torch's own embedding makes one for each and adds them up, and rows are added to it
    in the order of `ids`, for any number of threads. Elsewhere this is torch's embedding.
    """
    if table.device.type != "cpu":
        return tuple(_embedding(table, each) for each in ids)
    rows: tuple[Tensor, ...] = _Lookup.apply(table, *ids)  # type: ignore[no-untyped-call]
    return rows


def _embedding(table: Tensor, ids: Tensor) -> Tensor:
    if not ids.numel():  # torch cannot differentiate an embedding of nothing twice
        return table.new_zeros(*ids.shape, table.shape[1])
    return F.embedding(ids, table, PADDING)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(table: Tensor, *ids: Tensor) -> tuple[Tensor, ...]:
        return tuple(F.embedding(each, table) for each in ids)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        table, *ids = inputs
        ctx.save_for_backward(*ids)
        ctx.shape = table.shape
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        pairs = [
            (ids, gradient)
            for ids, gradient in zip(ctx.saved_tensors, gradients, strict=True)
            if gradient is not None
        ]
        if not pairs:
            return (None,) * (len(gradients) + 1)
        ids = torch.cat([ids.flatten() for ids, _ in pairs])
        rows = torch.cat([gradient.reshape(-1, ctx.shape[1]) for _, gradient in pairs])
        # Faster than embedding_dense_backward, which adds the same rows in the same order.
        total = rows.new_zeros(ctx.shape).index_add_(0, ids, rows)
        total[PADDING] = 0
        return total, *(None for _ in gradients)
