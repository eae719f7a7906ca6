"""The searches of SIM: what they demand, and their usual formulations in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.ops.contender import Arguments, Peer, Subject, UnavailableError, Work
from recbench.ops.ragged import event_rows, length_mask


@torch.no_grad()
def soft_topk(
    query: Tensor,
    keys: Tensor | Sequence[Tensor],
    k: int,
    offsets: Tensor | None = None,
    lengths: Tensor | None = None,
    tables: Sequence[Tensor] = (),
) -> tuple[Tensor, Tensor]:
    """Mask the inner products at padding and let `topk` choose, in no order among ties."""
    if not isinstance(keys, Tensor):
        keys = torch.cat([table[ids] for table, ids in zip(tables, keys, strict=True)], 1)
    if offsets is not None:
        lengths = offsets.diff()
        keys = keys[_padded_positions(offsets, len(keys))]
    assert lengths is not None
    queries = query if query.ndim == 3 else query[:, None]
    real = length_mask(lengths, keys.shape[1])
    scores = torch.bmm(queries, keys.mT).masked_fill(~real[:, None], -torch.inf)
    if k > keys.shape[1]:
        raise UnavailableError("topk finds no more than there are steps")
    best, indices = scores.topk(k, -1)
    indices = indices.masked_fill(~length_mask(lengths, k)[:, None], -1)
    return (indices, best) if query.ndim == 3 else (indices[:, 0], best[:, 0])


def hard_topk(category: Tensor, offsets: Tensor, target: Tensor, k: int, **others: Any) -> Tensor:
    """Mask positions of other categories and let `topk` choose the latest."""
    if "rows" in others:
        raise UnavailableError("not written for targets that share a history")
    positions = _padded_positions(offsets, len(category))
    steps = torch.arange(positions.shape[1], device=category.device)
    match = (category[positions] == target[:, None]) & (steps < offsets.diff()[:, None])
    if k > positions.shape[1]:
        raise UnavailableError("topk finds no more than there are steps")
    return steps.where(match, -1).topk(k, -1).values


def one_sort(category: Tensor, offsets: Tensor) -> Tensor:
    """Sort once, by row and category in one number."""
    rows = event_rows(offsets, len(category))
    lowest, highest = category.aminmax()
    return (rows * (highest - lowest + 1) + (category - lowest)).argsort(stable=True)


def _padded_positions(offsets: Tensor, events: int) -> Tensor:
    """Return where each padded step stands among the events, any event for padding: [B, T]."""
    steps = torch.arange(int(offsets.diff().max()), device=offsets.device)
    return (offsets[:-1, None] + steps).clamp(max=events - 1)


def soft_work(arguments: Arguments, gradient: bool) -> Work:
    """Count the inner products and one reading of all keys."""
    query, keys = arguments["query"], arguments["keys"]
    width = query.shape[-1]
    queries = query.shape[1] if query.ndim == 3 else 1
    if arguments.get("lengths") is not None:
        events = int(arguments["lengths"].sum())
    else:
        events = int(arguments["offsets"][-1])
    ids = 0 if isinstance(keys, Tensor) else 8 * len(keys)
    found = len(query) * queries * arguments["k"]
    return Work(
        2 * events * queries * width,
        events * (4 * width + ids) + 4 * query.numel() + (8 + 4) * found,
    )


def hard_work(arguments: Arguments, gradient: bool) -> Work:
    """Count one reading back to the last event that is found; with an index, of those alone."""
    category, offsets = arguments["category"].cpu(), arguments["offsets"].cpu()
    target, k = arguments["target"], arguments["k"]
    rows = arguments.get("rows")
    rows = torch.arange(len(target)) if rows is None else rows
    indexed = arguments.get("index") is not None
    read = 0
    for row, wanted in zip(rows.tolist(), target.tolist(), strict=True):
        history = category[offsets[row] : offsets[row + 1]]
        places = (history == wanted).nonzero()[:, 0]
        if indexed:
            read += min(k, len(places))
        else:
            read += len(history) - (int(places[-k]) if len(places) >= k else 0)
    return Work(0, 8 * (read + len(target) * (k + 2)))


def index_work(arguments: Arguments, gradient: bool) -> Work:
    """Count one reading of the categories and one writing of the index."""
    return Work(0, 8 * (2 * len(arguments["category"]) + len(arguments["offsets"])))


SOFT = Subject(soft_work, {"mask, topk": Peer(soft_topk, free={0})})
HARD = Subject(hard_work, {"mask, topk": Peer(hard_topk)})
INDEX = Subject(index_work, {"one argsort": Peer(one_sort)})
