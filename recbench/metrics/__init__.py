"""What scores mean: every metric's name, version, direction and function, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from types import MappingProxyType

from numpy.typing import ArrayLike

from recbench.metrics.classification import auc, gauc, logloss, scored_users
from recbench.metrics.ranking import mean_rank, mrr, ndcg, ndcg_of_order, recall

__all__ = [
    "METRICS",
    "Metric",
    "auc",
    "gauc",
    "logloss",
    "mean_rank",
    "mrr",
    "ndcg",
    "ndcg_of_order",
    "recall",
    "scored_users",
]


@dataclass(frozen=True)
class Metric:
    """A number by which models are judged.

    Attributes:
        name: The name in tasks, records and tables.
        version: Grows whenever the same predictions would get another number.
        higher_is_better: Whether larger numbers are better.
        function: Returns the number, nan where it is undefined. Metrics of click prediction take
            (labels, logits, users), each [N]; metrics of next-item prediction take ranks, [N].
        meaning: What the number says, in one line.
    """

    name: str
    version: int
    higher_is_better: bool
    function: Callable[..., float]
    meaning: str


def _ignoring_users(
    metric: Callable[[ArrayLike, ArrayLike], float],
) -> Callable[[ArrayLike, ArrayLike, ArrayLike], float]:
    @wraps(metric)
    def of_rows(labels: ArrayLike, logits: ArrayLike, users: ArrayLike) -> float:
        return metric(labels, logits)

    return of_rows


_ALL = (
    Metric("auc", 1, True, _ignoring_users(auc), "chance that a click outscores a non-click"),
    Metric("gauc", 1, True, gauc, "each user's own AUC, averaged by the user's number of rows"),
    Metric("logloss", 1, False, _ignoring_users(logloss), "mean binary cross-entropy in nats"),
    Metric("mrr@20", 1, True, partial(mrr, k=20), "mean of 1 / rank, 0 beyond rank 20"),
    Metric("recall@20", 1, True, partial(recall, k=20), "share of targets in the first 20"),
    Metric("ndcg@20", 1, True, partial(ndcg, k=20), "mean of 1 / log2(1 + rank), 0 beyond 20"),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by name; of those that a task has, the first here is the one that ranks models."""
