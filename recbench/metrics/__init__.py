"""What scores mean: every metric's name, version, direction and function, without torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.metrics.classification import auc, gauc, logloss, scored_users
from recbench.metrics.contributions import (
    Contributions,
    auc_by_unit,
    error_by_unit,
    gauc_by_unit,
    logloss_by_unit,
    ndcg_by_unit,
    rank_by_unit,
)
from recbench.metrics.ranking import (
    discount,
    mean_rank,
    mrr,
    ndcg,
    ndcg_of_order,
    ndcg_of_rows,
    recall,
)
from recbench.metrics.regression import mae, mse

__all__ = [
    "METRICS",
    "Contributions",
    "Metric",
    "auc",
    "gauc",
    "logloss",
    "mae",
    "mean_rank",
    "metric_of",
    "mrr",
    "mse",
    "ndcg",
    "ndcg_of_order",
    "ndcg_of_rows",
    "recall",
    "score_name",
    "scored_users",
]


Rows = Mapping[str, ArrayLike]
"""Predictions and what came to pass: columns by name, a row an example."""


@dataclass(frozen=True)
class Metric:
    """A number by which models are judged.

    Attributes:
        name: The name in tasks, records and tables.
        version: Grows whenever the same predictions would get another number.
        higher_is_better: Whether larger numbers are better.
        columns: Which columns of the rows it takes.
        compute: Returns the number from those columns; nan where it is undefined.
        by_unit: Returns from those columns, each row's unit and the number of units what each unit
            adds to the number.
        meaning: What the number says, in one line.
        range: The smallest and largest number there may be.
    """

    name: str
    version: int
    higher_is_better: bool
    columns: tuple[str, ...]
    compute: Callable[..., float]
    by_unit: Callable[..., Contributions]
    meaning: str
    range: tuple[float, float] = (0.0, 1.0)

    def __call__(self, rows: Rows) -> float:
        """Return the number for `rows`."""
        return self.compute(*(rows[column] for column in self.columns))

    def contributions(self, rows: Rows, units: NDArray[np.intp], count: int) -> Contributions:
        """Return what each of `count` units adds to the number, `units` being each row's, [N].

        A user's rows, or an episode's, are all of one unit.
        """
        return self.by_unit(*(rows[column] for column in self.columns), units, count)


_CLICK = ("label", "prediction")
_ALL = (
    Metric("auc", 1, True, _CLICK, auc, auc_by_unit, "chance that a click outscores a non-click"),
    Metric(
        "gauc", 1, True, (*_CLICK, "user"), gauc, gauc_by_unit,
        "each user's own AUC, averaged by the user's number of rows",
    ),
    Metric(
        "logloss", 1, False, _CLICK, logloss, logloss_by_unit, "mean binary cross-entropy in nats",
        (0.0, math.inf),
    ),
    Metric(
        "mae", 1, False, _CLICK, mae, partial(error_by_unit, power=1), "mean absolute error",
        (0.0, math.inf),
    ),
    Metric(
        "mse", 1, False, _CLICK, mse, partial(error_by_unit, power=2), "mean squared error",
        (0.0, math.inf),
    ),
    Metric(
        "mrr@20", 1, True, ("rank",), partial(mrr, k=20),
        partial(rank_by_unit, gain=np.reciprocal, k=20), "mean of 1 / rank, 0 beyond rank 20",
    ),
    Metric(
        "recall@20", 1, True, ("rank",), partial(recall, k=20),
        partial(rank_by_unit, gain=np.ones_like, k=20), "share of targets in the first 20",
    ),
    Metric(
        "ndcg@20", 1, True, ("rank",), partial(ndcg, k=20),
        partial(rank_by_unit, gain=discount, k=20), "mean of 1 / log2(1 + rank), 0 beyond 20",
    ),
    *(
        Metric(
            f"ndcg@{k}", 1, True, (*_CLICK, "episode"), partial(ndcg_of_rows, k=k),
            partial(ndcg_by_unit, k=k),
            f"gain 2^label - 1 of each episode's first {k}, over that of the best order",
        )
        for k in (1, 3)
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by name; of those that a task has, the first here is the one that ranks models."""


def score_name(name: str, group: str) -> str:
    """Return what a metric or column is called for a group of predictions, such as `auc/income`."""
    return f"{name}/{group}" if group else name


def metric_of(score: str) -> str:
    """Return the name of the metric behind a score such as `auc` or `auc/income`."""
    return score.partition("/")[0]
