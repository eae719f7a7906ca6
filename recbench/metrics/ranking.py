"""Metrics of rankings: where the right item stands among the candidates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def mean_rank(higher: ArrayLike, equal: ArrayLike) -> Floats:
    """Return the rank of each target, 1 being best; among equal scores, their mean rank.

    Args:
        higher: How many candidates score higher than the target, [N].
        equal: How many other candidates score the same as the target, [N].
    """
    return 1.0 + np.asarray(higher) + np.asarray(equal) / 2


def recall(ranks: ArrayLike, k: int) -> float:
    """Return the share of targets among the first `k`; nan if there are none.

    With one target per example this is also the hit rate, and what session-based papers call P@k.

    Args:
        ranks: The rank of each target as `mean_rank` gives it, [N].
        k: How many places count, at least 1.

    Raises:
        ValueError: If `k` or a rank is below 1.
    """
    return _mean_gain(ranks, k, np.ones_like)


def mrr(ranks: ArrayLike, k: int) -> float:
    """Return the mean of 1 / rank, counting 0 beyond rank `k`; nan if there are no targets.

    Args:
        ranks: The rank of each target as `mean_rank` gives it, [N].
        k: How many places count, at least 1.

    Raises:
        ValueError: If `k` or a rank is below 1.
    """
    return _mean_gain(ranks, k, np.reciprocal)


def ndcg(ranks: ArrayLike, k: int) -> float:
    """Return the normalised discounted cumulative gain with one relevant item per example.

    That is the mean of 1 / log2(1 + rank), counting 0 beyond rank `k`; nan if there are no targets.

    Args:
        ranks: The rank of each target as `mean_rank` gives it, [N].
        k: How many places count, at least 1.

    Raises:
        ValueError: If `k` or a rank is below 1.
    """
    return _mean_gain(ranks, k, discount)


def ndcg_of_order(relevance: ArrayLike, k: int | None = None) -> Floats:
    """Return the normalised discounted cumulative gain of rankings with graded relevance.

    The gain of an item is 2^relevance - 1, its discount log2(1 + rank), and the ideal is the same
    items ordered by relevance. Source: Burges et al., Learning to Rank using Gradient Descent,
    ICML 2005, section 6.

    Args:
        relevance: The true relevance of each item, best-scored item first, [..., N].
        k: How many places count, at least 1; None for all.

    Returns:
        One number in [0, 1] per ranking, [...]; nan where no item is relevant.

    Raises:
        ValueError: If `k` is below 1.
    """
    gains = np.exp2(np.asarray(relevance, np.float64)) - 1.0
    places = gains.shape[-1] if k is None else _places(k)
    discounts = 1.0 / np.log2(np.arange(2.0, gains.shape[-1] + 2.0))
    discounts[places:] = 0.0
    best_first = np.ascontiguousarray(np.sort(gains, axis=-1)[..., ::-1])  # summed as `gains` are
    ideal = np.asarray(best_first @ discounts)
    return np.divide(gains @ discounts, ideal, out=np.full_like(ideal, np.nan), where=ideal > 0)


def ndcg_of_rows(labels: ArrayLike, predictions: ArrayLike, groups: ArrayLike, k: int) -> float:
    """Return the mean over groups of rows of `ndcg_of_order` by descending prediction.

    Equal predictions share the mean gain of their rows, whatever order these stand in. Groups in
    which nothing is relevant do not count; nan if that leaves none.

    Args:
        labels: The true relevance of each row, at least 0, [N].
        predictions: By what the rows of a group are ordered, [N].
        groups: To which group each row belongs, [N].
        k: How many places count, at least 1.

    Raises:
        ValueError: If `k` is below 1, or a label or prediction is nan.
    """
    found = ndcg_of_groups(labels, predictions, groups, k)[1]
    counted = found[~np.isnan(found)]
    return float(np.mean(counted)) if len(counted) else math.nan


def ndcg_of_groups(
    labels: ArrayLike, predictions: ArrayLike, groups: ArrayLike, k: int
) -> tuple[NDArray[np.intp], Floats]:
    """Return which group each row is of, [N], counted from 0, and the ndcg@k of each group, [G].

    It is nan where nothing is relevant. Arguments are those of `ndcg_of_rows`.
    """
    relevance, scores = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    for name, values in (("labels", relevance), ("predictions", scores)):
        if missing := int(np.isnan(values).sum()):
            raise ValueError(f"{name}: expected no nan, got {missing} of {values.size}")
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(group.max(initial=-1)) + 1
    gains = np.exp2(relevance) - 1.0
    found = _discounted(_shared(gains, group, scores), group, scores, count, k)
    ideal = _discounted(gains, group, gains, count, k)
    return group, np.divide(found, ideal, out=np.full(count, np.nan), where=ideal > 0)


def _shared(gains: Floats, group: NDArray[np.intp], scores: Floats) -> Floats:
    """Return for each row the mean gain of its group's rows with the same score, [N]."""
    tie = np.unique(np.stack((group, scores)), axis=1, return_inverse=True)[1].ravel()
    return np.asarray((np.bincount(tie, gains) / np.bincount(tie))[tie])


def _discounted(
    gains: Floats, group: NDArray[np.intp], scores: Floats, count: int, k: int
) -> Floats:
    """Return the discounted gain of each group's first `k` rows by descending score, [count]."""
    order = np.lexsort((-scores, group))
    sizes = np.bincount(group, minlength=count)
    place = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    value = np.where(place < _places(k), gains[order] / np.log2(place + 2.0), 0.0)
    return np.bincount(group[order], value, minlength=count).astype(np.float64)


def gains_of_ranks(ranks: ArrayLike, k: int, gain: Callable[[Floats], Floats]) -> Floats:
    """Return `gain(rank)` of each target, 0 beyond rank `k`, [N].

    Raises:
        ValueError: If `k` or a rank is below 1.
    """
    values = np.asarray(ranks, np.float64)
    places = _places(k)
    if not (values >= 1).all():
        raise ValueError(f"ranks: expected numbers of at least 1, got {values.min()}")
    return np.where(values <= places, gain(values), 0.0)


def discount(ranks: Floats) -> Floats:
    """Return 1 / log2(1 + rank)."""
    return 1.0 / np.log2(1.0 + ranks)


def _mean_gain(ranks: ArrayLike, k: int, gain: Callable[[Floats], Floats]) -> float:
    """Return the mean of `gain(rank)`, counting 0 beyond rank `k`."""
    gains = gains_of_ranks(ranks, k, gain)
    return float(gains.sum() / gains.size) if gains.size else float("nan")


def _places(k: int) -> int:
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")
    return k
