"""How much of a score is chance: intervals, comparisons of two models, and corrections for many.

Two chances are told apart. Users might have been others: units of the test data are drawn again
with replacement, the same for every model, so that models are compared on the same users. And a
training might have gone otherwise: where a model has several seeds, the mean over them is moved by
draws of Student's distribution with their standard error. With one seed the second is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.metrics.contributions import Contributions

Floats = NDArray[np.float64]

DRAWS = 20_000
"""Draws of the units: no p-value is below 1e-4, which is enough for the pairs of 30 models."""
BLOCKS = 1024
"""Most units that are drawn; more are first put together at random, as many users a block. The
width of an interval then has an error of 2 %."""
LEVEL = 0.95
FEWEST = 10
"""Units without which nothing is said of chance: draws of fewer are too much alike."""


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

    def interval(self, seeds: Sequence[Contributions]) -> Interval:
        """Return the mean score over seeds and its interval; nan bounds where undefined."""
        value = float(np.mean([each.value for each in seeds]))
        drawn = self._known(self._users(seeds) + self._training(seeds))
        return Interval(value, *_bounds(drawn))

    def difference(
        self, first: Sequence[Contributions], second: Sequence[Contributions]
    ) -> Difference:
        """Return the mean score of the first minus that of the second, on the same units."""
        value = float(np.mean([a.value for a in first]) - np.mean([b.value for b in second]))
        users = self._users(first) - self._users(second)
        drawn = self._known(users + self._training(first, second))
        spread = float(np.std(users)) * np.sqrt(self._units)
        effect = value / spread if spread else (0.0 if value == 0 else np.copysign(np.inf, value))
        return Difference(value, *_bounds(drawn), _p_value(drawn), float(effect))

    def _known(self, drawn: Floats) -> Floats:
        """Return the draws, or nan for each where there are too few units."""
        return drawn if self._units >= FEWEST else np.full_like(drawn, np.nan)

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

    def _training(self, *models: Sequence[Contributions]) -> Floats:
        """Return how far the means over seeds of one or two models may be off together, [DRAWS].

        Freedom is Welch's, Biometrika 1947; models of one seed add nothing.
        """
        known = [np.array([each.value for each in seeds]) for seeds in models if len(seeds) > 1]
        squares = [float(scores.var(ddof=1)) / len(scores) for scores in known]
        if not sum(squares) > 0:
            return np.zeros(DRAWS)
        freedom = sum(squares) ** 2 / sum(
            square**2 / (len(scores) - 1) for square, scores in zip(squares, known, strict=True)
        )
        random = np.random.default_rng([self._seed, 1])
        return np.asarray(np.sqrt(sum(squares)) * random.standard_t(freedom, DRAWS))


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


def _bounds(drawn: Floats) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _p_value(drawn: Floats) -> float:
    """Return twice the share of draws on the smaller side of zero; a draw at zero is of both."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan")
    least = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(known) + 1))
