"""Drawing examples of no click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.data.protocol import Negatives

MOST_DRAWS = 100
"""After so many draws without an item that the user has not met, a target is given up."""

Ints = NDArray[np.int64]


def item_pool(negatives: Negatives, positives: Ints, items: int) -> Ints:
    """Return the items to draw from, each as often as it is likely.

    Args:
        negatives: The distribution.
        positives: Items of the part's targets.
        items: Number of items in the log.
    """
    return positives if negatives.distribution == "popularity" else np.arange(items)


def draw_negatives(
    negatives: Negatives,
    pool: Ints,
    user: Ints,
    log_user: NDArray[np.integer],
    log_item: NDArray[np.integer],
    generator: np.random.Generator,
) -> Ints:
    """Draw items for targets of the users of one log chunk.

    Args:
        negatives: Distribution and number.
        pool: Items to draw from, uniformly.
        user: User of each target, [M].
        log_user: User of each event of the chunk, [N]; all events of the targets' users.
        log_item: Item of each event of the chunk, [N].
        generator: The source of randomness.

    Returns:
        Items that the target's user has nowhere in the log, [M, per_positive]; -1 where
        `MOST_DRAWS` draws found none.
    """
    first = int(log_user[0])
    width = int(max(pool.max(), log_item.max())) + 1
    met = np.unique((log_user.astype(np.int64) - first) * width + log_item)
    owner = np.repeat(user - first, negatives.per_positive)
    drawn = np.full(len(owner), -1, np.int64)
    open_ = np.arange(len(owner))
    for _ in range(MOST_DRAWS):
        candidate = pool[generator.integers(len(pool), size=len(open_))]
        key = owner[open_] * width + candidate
        place = np.minimum(np.searchsorted(met, key), len(met) - 1)
        fresh = met[place] != key
        drawn[open_[fresh]] = candidate[fresh]
        open_ = open_[~fresh]
        if not len(open_):
            break
    return drawn.reshape(len(user), negatives.per_positive)
