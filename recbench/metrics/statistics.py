"""How much of a score is chance: intervals, comparisons of two models, and corrections for many.

Two chances are told apart. Users might have been others: units of the test data are drawn again
with replacement, the same for every model, so that models are compared on the same users. Few units
scatter less than what they stand for, so the draws are widened to Student's distribution. And a
training might have gone otherwise: where a model has several seeds, the mean over them is moved by
draws of Student's distribution with their standard error. With one seed the second is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.metrics.contributions import Contributions

Floats = NDArray[np.float64]

DRAWS = 20_000
"""Draws of the units: they tell p-values down to 1e-4, enough for the pairs of 32 models. Smaller
ones are told by the tails of what was drawn from."""
BLOCKS = 1024
"""Most units that are drawn; more are first put together at random, as many users a block. The
width of an interval then has an error of 2 %."""
LEVEL = 0.95
UNBOUNDED = (-math.inf, math.inf)
FEWEST = 10
"""Units on which a score must rest in effect, or nothing is said of chance."""


@dataclass(frozen=True)
class Interval:
    """A score or difference, and where it may as well lie.

    Attributes:
        value: The score.
        low: Lower bound; nan if there are too few units to know.
        high: Upper bound; likewise.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """A difference of two scores.

    Attributes:
        p_value: How often as large a difference comes by chance, two-sided; nan as the bounds.
        effect: The difference as a multiple of the standard deviation of what single units add to
            it.
    """

    p_value: float
    effect: float


@dataclass(frozen=True)
class _Chance:
    """How far a score may be off: Student's distribution with a standard error and a freedom."""

    error: float
    freedom: float

    def variances(self) -> tuple[Floats, Floats]:
        """Return normal distributions, by variance, and the weights by which they make it up.

        The variance is the square of the error over a chi-square variable's share of its freedom,
        whose logarithm is taken at equal steps.
        """
        if not self.error:
            return np.zeros(1), np.ones(1)
        root = math.sqrt(self.freedom)
        log = np.linspace(-60 / self.freedom - 12 / root, 8 / root, 64)
        weight = np.exp(self.freedom / 2 * (log - np.exp(log) + 1))
        return self.error**2 / np.exp(log), weight / weight.sum()


class Resampling:
    """Draws of the units of one test part, the same for all models and scores."""

    def __init__(self, units: int, seed: int = 2718) -> None:
        """Prepare draws of `units` units.

        Raises:
            ValueError: If there is no unit.
        """
        if units < 1:
            raise ValueError(f"units: expected at least 1, got {units}")
        self._units, self._seed = units, seed
        self._blocks = min(units, BLOCKS)
        random = np.random.default_rng(seed)
        self._block = random.permutation(units) % self._blocks
        drawn = random.integers(self._blocks, size=(DRAWS, self._blocks), dtype=np.int32)
        drawn += np.arange(DRAWS, dtype=np.int32)[:, None] * self._blocks
        counts = np.bincount(drawn.ravel(), minlength=DRAWS * self._blocks)
        self._times = counts.reshape(DRAWS, self._blocks).astype(np.float32)

    def interval(
        self, seeds: Sequence[Contributions], within: tuple[float, float] = UNBOUNDED
    ) -> Interval:
        """Return the mean score over seeds and its interval; nan bounds where undefined.

        Args:
            seeds: What each unit adds to the score, for each seed.
            within: The smallest and largest score there may be.
        """
        value = float(np.mean([each.value for each in seeds]))
        users = value + self._widening(seeds) * (self._users(seeds) - value)
        drawn = users + self._drawn(_training(seeds))
        return Interval(value, *_bounds(drawn, within))

    def difference(
        self, first: Sequence[Contributions], second: Sequence[Contributions]
    ) -> Difference:
        """Return the mean score of the first minus that of the second, on the same units."""
        value = float(np.mean([a.value for a in first]) - np.mean([b.value for b in second]))
        users = self._users(first) - self._users(second)
        training = _training(first, second)
        widened = value + self._widening(first, second) * (users - value)
        drawn = widened + self._drawn(training)
        known = users[np.isfinite(users)]  # a draw may have no unit that counts
        error = float(np.std(known)) if len(known) else float("nan")
        spread = error * np.sqrt(self._units)
        effect = value / spread if spread else (0.0 if value == 0 else np.copysign(np.inf, value))

        def beyond_all_draws() -> float:
            units = self._effective(first, second)
            chance = _Chance(error * math.sqrt(units / (units - 1)), units - 1)
            return _tail(value, chance, training)

        p_value = _p_value(drawn, beyond_all_draws)
        return Difference(value, *_bounds(drawn), p_value, float(effect))

    def _effective(self, *models: Sequence[Contributions]) -> int:
        """Return on how many units the scores of all models rest in effect, as they are drawn."""
        return min(self._blocks, *(each.effective for seeds in models for each in seeds))

    def _widening(self, *models: Sequence[Contributions]) -> Floats:
        """Return factors that make draws of the units those of Student's distribution, [DRAWS].

        They are nan where the scores rest on too few units.
        """
        units = self._effective(*models)
        if units < FEWEST:
            return np.full(DRAWS, np.nan)
        random = np.random.default_rng([self._seed, 2])
        return np.asarray(np.sqrt(units / random.chisquare(units - 1, DRAWS)))

    def _users(self, seeds: Sequence[Contributions]) -> Floats:
        """Return the mean score over seeds for each draw of the units, [DRAWS]."""
        scores = []
        for each in seeds:
            block = each.merged(self._block, self._blocks)
            # The score's level is taken out first, so that single precision keeps small moves.
            level = each.value
            gain = (block.gain - level * block.weight).astype(np.float32)
            weight = (self._times @ block.weight.astype(np.float32)).astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                scores.append(level + (self._times @ gain) / weight)
        return np.asarray(np.mean(scores, axis=0))

    def _drawn(self, chance: _Chance) -> Floats:
        """Return draws of how far a score may be off by chance, [DRAWS]."""
        if not chance.error:
            return np.zeros(DRAWS)
        random = np.random.default_rng([self._seed, 1])
        return np.asarray(chance.error * random.standard_t(chance.freedom, DRAWS))


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values for which the chance of any false finding among all stays at the level.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
    Statistics 1979. A nan stays one and does not count.
    """
    values = np.asarray(p_values, np.float64)
    adjusted = np.full_like(values, np.nan)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _training(*models: Sequence[Contributions]) -> _Chance:
    """Return how far the means over seeds of one or two models may be off together.

    Freedom is Welch's, Biometrika 1947; models of one seed add nothing.
    """
    known = [np.array([each.value for each in seeds]) for seeds in models if len(seeds) > 1]
    squares = [float(scores.var(ddof=1)) / len(scores) for scores in known]
    if not sum(squares) > 0:
        return _Chance(0.0, math.inf)
    freedom = sum(squares) ** 2 / sum(
        square**2 / (len(scores) - 1) for square, scores in zip(squares, known, strict=True)
    )
    return _Chance(math.sqrt(sum(squares)), freedom)


def _bounds(drawn: Floats, within: tuple[float, float] = UNBOUNDED) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.clip(np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]), *within)
    return float(low), float(high)


def _p_value(drawn: Floats, beyond_all_draws: Callable[[], float]) -> float:
    """Return twice the share of draws on the smaller side of zero; a draw at zero is of both.

    Where no draw is there, the share is at most one more draw's, and `beyond_all_draws` may tell
    that it is smaller.
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan")
    least = min(int((known <= 0).sum()), int((known >= 0).sum()))
    share = min(1.0, 2 * (least + 1) / (len(known) + 1))
    return share if least else min(share, beyond_all_draws())


def _tail(distance: float, first: _Chance, second: _Chance) -> float:
    """Return how often two chances together move a score as far, to either side."""
    (users, often), (trainings, likely) = first.variances(), second.variances()
    scale = np.sqrt(2 * np.add.outer(users, trainings))
    with np.errstate(divide="ignore"):
        beyond = np.vectorize(math.erfc, otypes=[np.float64])(abs(distance) / scale)
    return float(often @ beyond @ likely)
