"""The searches of SIM's general search unit: which k events of a history bear on the target.

Pi et al., "Search-based User Interest Modeling with Lifelong Sequential Behavior Data for
Click-Through Rate Prediction", CIKM 2020, section 3.2. Both return positions in each row's
history, counted from its oldest event, and neither has a gradient.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops.checks import check_floating, check_int64, check_shape
from recbench.ops.ragged import event_rows, length_mask


@torch.no_grad()
def reference_soft_jagged(
    query: Tensor, keys: Tensor, offsets: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """Define `sim_search_soft` on jagged keys."""
    rows = event_rows(offsets, len(keys))
    scores = _nan_lowest((query[rows] * keys).sum(1))
    # Both sorts are stable: by score, then by row, leaves each row in order of score.
    by_score = scores.argsort(descending=True, stable=True)
    order = by_score[rows[by_score].argsort(stable=True)]
    rank = torch.arange(len(keys), device=keys.device) - offsets[rows]
    indices = _table(offsets, rank, order - offsets[rows], k, -1)
    return indices, _table(offsets, rank, scores[order], k, -torch.inf)


@torch.no_grad()
def reference_soft_dense(
    query: Tensor, keys: Tensor, lengths: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """Define `sim_search_soft` on right-padded keys."""
    real = length_mask(lengths, keys.shape[1])
    scores = _nan_lowest(torch.bmm(keys, query[..., None])[..., 0]).masked_fill(~real, -torch.inf)
    # Stable, and padding stands last in its row: at -inf it still comes after every real event.
    scores, indices = scores.sort(descending=True, stable=True)
    missing = (0, k - min(k, keys.shape[1]))
    scores = F.pad(scores[:, :k], missing, value=-torch.inf)
    indices = F.pad(indices[:, :k], missing)
    return indices.masked_fill(~length_mask(lengths, k), -1), scores


@torch.no_grad()
def reference_hard(category: Tensor, offsets: Tensor, target: Tensor, k: int) -> Tensor:
    """Define `sim_search_hard`."""
    rows = event_rows(offsets, len(category))
    match = category == target[rows]
    met = F.pad(match.cumsum(0), (1, 0))
    later = met[offsets[1:]][rows] - met[1:]
    position = torch.arange(len(category), device=category.device) - offsets[rows]
    return _table(offsets, later.where(match, k), position, k, -1)


def sim_search_soft(
    query: Tensor,
    keys: Tensor,
    k: int,
    *,
    offsets: Tensor | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Find the k events of each history with the largest inner product with the target.

    Largest first; ties go to the earlier event; NaN counts as -inf. Padding is never found, not
    even where every real event scores -inf.

    Args:
        query: The target, [B, D].
        keys: The events: jagged [N, D] with `offsets`, or right-padded [B, T, D] with `lengths`.
        k: How many to find, at least 1.
        offsets: Row boundaries of jagged keys, [B + 1] of int64.
        lengths: Number of real events in each row of padded keys, [B] of int64.

    Returns:
        Positions in each row's history, [B, k] of int64, -1 where it has fewer events than k; and
        their inner products, [B, k], -inf there.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device, or not exactly one of
            `offsets` and `lengths` is given.
    """
    check_shape("query", query, ("B", "D"))
    check_floating({"query": query, "keys": keys})
    _check_k(k)
    batch, width = query.shape
    if offsets is not None and lengths is None:
        check_shape("keys", keys, ("N", width))
        check_shape("offsets", offsets, (batch + 1,))
        check_int64("offsets", offsets, query.device)
        return reference_soft_jagged(query, keys, offsets, k)
    if lengths is not None and offsets is None:
        check_shape("keys", keys, (batch, "T", width))
        check_shape("lengths", lengths, (batch,))
        check_int64("lengths", lengths, query.device)
        return reference_soft_dense(query, keys, lengths, k)
    given = "both" if offsets is not None else "neither"
    raise ValueError(f"offsets, lengths: expected exactly one of them, got {given}")


def sim_search_hard(category: Tensor, offsets: Tensor, target: Tensor, k: int) -> Tensor:
    """Find the k most recent events of each history in the target's category.

    Args:
        category: Category of each event, oldest first, jagged, [N] of int64.
        offsets: Row boundaries, [B + 1] of int64.
        target: Category of each row's target, [B] of int64.
        k: How many to find, at least 1.

    Returns:
        Positions in each row's history, most recent first, [B, k] of int64, -1 where there are
        fewer than k.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device.
    """
    check_shape("category", category, ("N",))
    check_shape("target", target, ("B",))
    check_shape("offsets", offsets, (len(target) + 1,))
    for name, tensor in {"category": category, "offsets": offsets, "target": target}.items():
        check_int64(name, tensor, category.device)
    _check_k(k)
    return reference_hard(category, offsets, target, k)


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")


def _nan_lowest(scores: Tensor) -> Tensor:
    return scores.masked_fill(scores.isnan(), -torch.inf)


def _table(offsets: Tensor, rank: Tensor, values: Tensor, k: int, fill: float) -> Tensor:
    """Return [B, k] with each event's value at its row and `rank`; ranks from k are left out."""
    rows = event_rows(offsets, len(values))
    # A column more takes what is left out: shapes then depend on no value.
    table = values.new_full((len(offsets) - 1, k + 1), fill)
    table[rows, rank.clamp(max=k)] = values
    return table[:, :k]
