"""Metrics of binary predictions: how well clicks are told apart, and how well calibrated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that a click outscores a non-click.

    A tie counts half, so a constant scorer gets 0.5. Only the order of the scores matters.

    Args:
        labels: 1 for a click, 0 for none, [N].
        scores: Any scores that grow with the chance of a click, [N]; infinities are allowed.

    Returns:
        A number in [0, 1]; nan if there is no click or nothing but clicks.

    Raises:
        ValueError: If a label is not 0 or 1, a score is nan or the lengths differ.
    """
    labels, scores = _labels(labels), _scores("scores", scores)
    _same_length(labels, scores=scores)
    order = np.argsort(scores)
    clicks, wins = _count_wins(
        labels[order], _run_starts(scores[order]), np.zeros(min(1, len(labels)), np.intp)
    )
    pairs = clicks * (len(labels) - clicks)
    return float(wins[0] / pairs[0]) if pairs.any() else float("nan")


def gauc(labels: ArrayLike, scores: ArrayLike, users: ArrayLike) -> float:
    """Return the mean over users of each user's AUC, weighted by the user's number of rows.

    Users without both a click and a non-click have no AUC: they are left out of the sum and of
    the weights; `scored_users` says how many remain. Source: Zhou et al., Deep Interest Network,
    KDD 2018, section 6.2.

    Args:
        labels: 1 for a click, 0 for none, [N].
        scores: Any scores that grow with the chance of a click, [N]; infinities are allowed.
        users: The user of each row, in any order, [N].

    Returns:
        A number in [0, 1]; nan if no user has both a click and a non-click.

    Raises:
        ValueError: If a label is not 0 or 1, a score is nan or the lengths differ.
    """
    labels, scores, users = _labels(labels), _scores("scores", scores), np.asarray(users)
    _same_length(labels, scores=scores, users=users)
    order = np.lexsort((scores, users))
    users = users[order]
    starts = _run_starts(users)
    clicks, wins = _count_wins(labels[order], _run_starts(users, scores[order]), starts)
    rows = np.diff(starts, append=len(labels))
    pairs = clicks * (rows - clicks)
    scored = pairs > 0
    if not scored.any():
        return float("nan")
    # Summed exactly, so that the score does not depend on how users are numbered.
    weighted = math.fsum(rows[scored] * (wins[scored] / pairs[scored]))
    return weighted / int(rows[scored].sum())


def scored_users(labels: ArrayLike, users: ArrayLike) -> int:
    """Return how many users have both a click and a non-click: those that `gauc` is a mean of.

    Args:
        labels: 1 for a click, 0 for none, [N].
        users: The user of each row, in any order, [N].

    Raises:
        ValueError: If a label is not 0 or 1 or the lengths differ.
    """
    labels, users = _labels(labels), np.asarray(users)
    _same_length(labels, users=users)
    clickers, others = np.unique(users[labels]), np.unique(users[~labels])
    return len(np.intersect1d(clickers, others, assume_unique=True))


def logloss(labels: ArrayLike, logits: ArrayLike) -> float:
    """Return the mean binary cross-entropy in nats, computed from logits without overflow.

    Args:
        labels: 1 for a click, 0 for none, [N].
        logits: The log-odds of a click, [N].

    Returns:
        A number of at least 0; nan if there are no rows.

    Raises:
        ValueError: If a label is not 0 or 1, a logit is nan or the lengths differ.
    """
    labels, logits = _labels(labels), _scores("logits", logits)
    _same_length(labels, logits=logits)
    if not len(labels):
        return float("nan")
    against = np.where(labels, -logits, logits).astype(np.float64)
    return float(np.logaddexp(0.0, against).mean())


def _count_wins(
    labels: Array, ties: NDArray[np.intp], users: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count, per user, the clicks and the (click, non-click) pairs in the right order.

    Args:
        labels: True for a click, ordered by (user, score), [N].
        ties: Where each run of one user's equal scores begins, [R].
        users: Where each user's rows begin, [U].

    Returns:
        Clicks, [U], and pairs of which the click has the higher score, a tie being half, [U].
    """
    if not len(labels):
        return np.zeros(0, np.int64), np.zeros(0)
    clicks = np.add.reduceat(labels, ties, dtype=np.int64)
    others = np.diff(ties, append=len(labels)) - clicks
    first = np.searchsorted(ties, users)
    below = np.cumsum(others) - others
    below -= np.repeat(below[first], np.diff(first, append=len(ties)))
    wins = clicks * (below + others / 2)
    return np.add.reduceat(clicks, first), np.add.reduceat(wins, first)


def _run_starts(*keys: Array) -> NDArray[np.intp]:
    """Return where each run of equal rows of the sorted `keys` begins."""
    new = np.zeros(len(keys[0]), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def _labels(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return `labels` as booleans."""
    values = np.asarray(labels)
    clicks: NDArray[np.bool_] = np.asarray(values == 1)
    odd = ~clicks & (values != 0)
    if odd.any():
        raise ValueError(f"labels: expected only 0 and 1, got {values[odd][0]}")
    return clicks


def _scores(name: str, scores: ArrayLike) -> Array:
    """Return `scores` as an array that holds no nan."""
    values = np.asarray(scores)
    missing = np.isnan(values)
    if missing.any():
        raise ValueError(f"{name}: expected no nan, got {missing.sum()} of {values.size}")
    return values


def _same_length(labels: Array, **others: Array) -> None:
    for name, values in others.items():
        if labels.ndim != 1 or values.shape != labels.shape:
            raise ValueError(f"{name}: expected shape [{len(labels)}], got {values.shape}")
