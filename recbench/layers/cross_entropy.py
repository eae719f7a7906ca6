"""The cross-entropy of one item among very many, a part of the items at a time."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from recbench.layers.widen import widen

PART = 2048
"""Items at a time: the scores of a batch for so many stay in the caches."""


def item_cross_entropy(
    queries: Tensor,
    table: Tensor,
    labels: Tensor,
    first: int = 0,
    *,
    bias: Tensor | None = None,
    squash: bool = False,
) -> Tensor:
    """Return the mean over rows of -log softmax(f(table[first:] @ q + bias))[label], a scalar.

    That is `F.cross_entropy` of all scores. On a CPU they are not kept: what is kept for the
    gradient is one number for each score, and no gradient of them is made. Elsewhere it is
    `F.cross_entropy`.

    Args:
        queries: q of each row, [B, D].
        table: Vectors of the items, [first + N, D].
        labels: The right item of each row, counted from `first`, [B] of int64.
        first: Rows of the table before those of the items.
        bias: Added to the scores of each item, [N].
        squash: Whether f is the sigmoid; otherwise it is the identity.
    """
    if bias is not None:  # as a column more
        queries = F.pad(queries, (0, 1), value=1.0)
        table = torch.cat([table, F.pad(bias, (first, 0))[:, None]], 1)
    if table.device.type != "cpu":
        scores = widen(queries @ table[first:].T)
        return F.cross_entropy(scores.sigmoid_() if squash else scores, labels)
    with torch.autocast("cpu", enabled=False):
        queries = queries.to(table.dtype)
        loss: Tensor = _ItemCrossEntropy.apply(queries, table, labels, first, squash)  # type: ignore[no-untyped-call]
    return loss


class _ItemCrossEntropy(torch.autograd.Function):
    """With s the scores, the gradient of the loss for s_j is (p_j - [j = label]) f'(s_j) / B.

    One pass over the items gives w_j = exp(f(s_j) - m) f'(s_j), where m is the highest score so
    far (0 with the sigmoid), and with them sum_j w_j x_j, the main part of the gradient for q.
    Normalised by the sum of exp(f(s_j) - m), known at the end, they give that for the items.
    """

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, table: Tensor, labels: Tensor, first: int, squash: bool
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        items = table[first:]
        highest = queries.new_full((len(queries), 1), 0 if squash else -torch.inf)
        total, pull = torch.zeros_like(highest), torch.zeros_like(queries)
        weights, peaks = [], []
        for part in torch.split(items, PART):
            scores = queries @ part.T
            if squash:
                scores.sigmoid_()  # below 1, so that exp needs no shift
                slope = torch.addcmul(scores, scores, scores, value=-1) if wanted else scores
            else:
                higher = torch.maximum(highest, scores.amax(1, keepdim=True))
                shrink = (highest - higher).exp()
                total, pull, highest = total * shrink, pull * shrink, higher
                scores.sub_(highest)
            weight = scores.exp_()
            total += weight.sum(1, keepdim=True)
            if wanted:
                weights.append(weight.mul_(slope) if squash else weight)
                peaks.append(highest)
                pull.addmm_(weight, part)
        right = (queries * items[labels]).sum(1, keepdim=True)
        own_slope = torch.ones_like(right)
        if squash:
            right = right.sigmoid()
            own_slope = right * (1 - right)
        ctx.save_for_backward(
            queries, table, labels, total, pull, highest, own_slope, *weights, *peaks
        )
        ctx.first = first
        return (total.log() + highest - right).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, table, labels, total, pull, highest, own_slope, *rest = ctx.saved_tensors
        weights, peaks = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        items, each = table[ctx.first :], gradient / len(queries)
        of_queries = (pull / total - own_slope * items[labels]) * each
        of_table = torch.empty_like(table)
        of_table[: ctx.first] = 0
        of_items = of_table[ctx.first :]
        scaled = queries * (each / total)
        for weight, peak, part in zip(weights, peaks, torch.split(of_items, PART), strict=True):
            torch.mm(weight.T, scaled * (peak - highest).exp(), out=part)
        of_items.index_add_(0, labels, queries * own_slope * -each)
        return of_queries, of_table, None, None, None
