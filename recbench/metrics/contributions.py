"""What each unit of the test data, such as a user, adds to a score: scores as ratios of two sums.

Units can be drawn again, with their rows, so that the chance in a score can be told from its worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.metrics.ranking import gains_of_ranks, ndcg_of_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Contributions:
    """A score as a ratio of sums over units.

    Attributes:
        gain: What each unit adds to the numerator, [U].
        weight: What each unit adds to the denominator, [U].
        known: On how many units the score rests in effect, if `weight` does not tell.
    """

    gain: Floats
    weight: Floats
    known: int | None = None

    @property
    def effective(self) -> int:
        """On how many units of equal weight the score rests in effect, rounded down."""
        return _effective(self.weight) if self.known is None else self.known

    @property
    def value(self) -> float:
        """The score; nan if no unit counts."""
        total = self.weight.sum()
        return float(self.gain.sum() / total) if total else float("nan")

    def merged(self, blocks: Ints, count: int) -> Contributions:
        """Return the contributions of `count` blocks of units, `blocks` being each unit's, [U]."""
        gain, weight = (_sums(blocks, each, count) for each in (self.gain, self.weight))
        return Contributions(gain, weight, self.known)


def auc_by_unit(labels: ArrayLike, scores: ArrayLike, units: Ints, count: int) -> Contributions:
    """Return the AUC to first order in what units add: its structural components.

    A click's component is the share of non-clicks that it outscores, a non-click's the share of
    clicks that outscore it. Source: DeLong et al., Comparing the Areas under Two or More Correlated
    Receiver Operating Characteristic Curves, Biometrics 1988; for units of many rows, Obuchowski,
    Nonparametric Analysis of Clustered ROC Curve Data, Biometrics 1997. It rests on as many units
    as the clicks or the non-clicks are of in effect, whichever are fewer.
    """
    click, score = np.asarray(labels) == 1, np.asarray(scores)
    clicks, others = int(click.sum()), int((~click).sum())
    if not clicks or not others:
        return Contributions(np.zeros(count), np.zeros(count))
    effective = min(_effective(np.bincount(units[each])) for each in (click, ~click))
    order = np.argsort(score)
    click, score = click[order], score[order]
    tie = np.cumsum(np.r_[True, score[1:] != score[:-1]]) - 1
    won = {each: _share_below(tie, click == each)[tie] for each in (True, False)}
    area = float(won[False][click].mean())
    component = np.where(click, won[False] - area, 1 - won[True] - area)
    component /= np.where(click, clicks, others)
    weight = np.full(count, 1 / count)
    return Contributions(area * weight + _sums(units[order], component, count), weight, effective)


def gauc_by_unit(
    labels: ArrayLike, scores: ArrayLike, users: ArrayLike, units: Ints, count: int
) -> Contributions:
    """Return what units add to gAUC: each user's AUC times the user's rows, and those rows."""
    user = np.unique(np.asarray(users), return_inverse=True)[1]
    click, score = np.asarray(labels) == 1, np.asarray(scores)
    order = np.lexsort((score, user))
    user, click, score = user[order], click[order], score[order]
    rows, clicks = np.bincount(user), np.bincount(user, click)
    # Mean places among a user's rows, from 1; those of clicks give the rank-sum statistic.
    tie = np.cumsum(np.r_[True, (user[1:] != user[:-1]) | (score[1:] != score[:-1])]) - 1
    place = np.arange(len(user)) - (np.cumsum(rows) - rows)[user] + 1.0
    place = (np.bincount(tie, place) / np.bincount(tie))[tie]
    wins = np.bincount(user, place * click) - clicks * (clicks + 1) / 2
    pairs = clicks * (rows - clicks)
    scored = pairs > 0
    own = np.zeros(len(rows))
    own[scored] = rows[scored] * wins[scored] / pairs[scored]
    unit = np.zeros(len(rows), np.intp)
    unit[user] = units[order]  # a user's rows are all of one unit
    return Contributions(_sums(unit, own, count), _sums(unit, np.where(scored, rows, 0), count))


def logloss_by_unit(labels: ArrayLike, logits: ArrayLike, units: Ints, count: int) -> Contributions:
    """Return what units add to the mean binary cross-entropy."""
    logit = np.asarray(logits, np.float64)
    against = np.where(np.asarray(labels) == 1, -logit, logit)
    return _mean(np.logaddexp(0.0, against), units, count)


def error_by_unit(
    labels: ArrayLike, predictions: ArrayLike, units: Ints, count: int, *, power: int
) -> Contributions:
    """Return what units add to the mean absolute error, raised to `power`."""
    error = np.asarray(predictions, np.float64) - np.asarray(labels, np.float64)
    return _mean(np.abs(error) ** power, units, count)


def rank_by_unit(
    ranks: ArrayLike, units: Ints, count: int, *, gain: Callable[[Floats], Floats], k: int
) -> Contributions:
    """Return what units add to the mean of `gain(rank)`, which is 0 beyond rank `k`."""
    return _mean(gains_of_ranks(ranks, k, gain), units, count)


def ndcg_by_unit(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike,
    units: Ints,
    count: int,
    *,
    k: int,
) -> Contributions:
    """Return what units add to the mean over groups of rows of their ndcg@k."""
    group, value = ndcg_of_groups(labels, predictions, groups, k)
    unit = np.zeros(len(value), np.intp)
    unit[group] = units  # a group's rows are all of one unit
    known = ~np.isnan(value)
    return _mean(value[known], unit[known], count)


def _mean(values: Floats, units: Ints, count: int) -> Contributions:
    return Contributions(_sums(units, values, count), _sums(units, np.ones(len(units)), count))


def _effective(weight: NDArray[np.generic]) -> int:
    """Return how many equal weights have a mean as uncertain as that by these; 0 if all are 0.

    Source: Kish, Survey Sampling, 1965, section 11.7.
    """
    own = np.asarray(weight, np.float64)
    total = own.sum()
    return int(total**2 / (own**2).sum() * (1 + 1e-9)) if total else 0  # 29.999... is 30


def _sums(units: Ints, values: NDArray[np.generic], count: int) -> Floats:
    """Return the sum of each unit's values, [count]."""
    return np.asarray(np.bincount(units, values, count), np.float64)


def _share_below(tie: Ints, chosen: NDArray[np.bool_]) -> Floats:
    """Return for each run of equal scores the share of chosen rows below it, its own being half.

    Args:
        tie: The run of each row, ascending, [N].
        chosen: Which rows are counted, [N].
    """
    own = np.bincount(tie, chosen)
    return np.asarray((np.cumsum(own) - own / 2) / chosen.sum(), np.float64)
