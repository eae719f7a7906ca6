"""Drawing examples of no click."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recbench.data.protocol import Negatives

MOST_DRAWS = 100
"""After so many draws without an item that fits, a target is given up."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def item_pool(
    negatives: Negatives, positives: Ints, log_item: NDArray[np.integer], items: int
) -> NDArray[np.integer]:
    """Return the items to draw from, each as often as it is likely.

    Args:
        negatives: The distribution.
        positives: Items of the part's targets.
        log_item: Item of each event of the whole log.
        items: Number of items in the log.
    """
    if negatives.distribution == "uniform":
        return np.arange(items)
    return positives if negatives.distribution == "popularity" else log_item


def draw_negatives(
    negatives: Negatives,
    pool: NDArray[np.integer],
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

    def fresh(place: Ints, candidate: Ints) -> Bools:
        key = owner[place] * width + candidate
        found = np.minimum(np.searchsorted(met, key), len(met) - 1)
        new: Bools = met[found] != key
        return new

    return _draw(pool, len(owner), fresh, generator).reshape(len(user), negatives.per_positive)


def draw_other_items(
    negatives: Negatives,
    pool: NDArray[np.integer],
    item: Ints,
    generator: np.random.Generator,
) -> Ints:
    """Draw items that are not the target itself, though the user may have met them.

    Args:
        negatives: Distribution and number.
        pool: Items to draw from, uniformly.
        item: Item of each target, [M].
        generator: The source of randomness.

    Returns:
        Items, [M, per_positive]; -1 where `MOST_DRAWS` draws found none.
    """
    own = np.repeat(item, negatives.per_positive)
    drawn = _draw(pool, len(own), lambda place, candidate: candidate != own[place], generator)
    return drawn.reshape(len(item), negatives.per_positive)


def _draw(
    pool: NDArray[np.integer],
    count: int,
    fits: Callable[[Ints, Ints], Bools],
    generator: np.random.Generator,
) -> Ints:
    """Draw for each of `count` places until the item fits it, [count]; -1 where none did."""
    drawn = np.full(count, -1, np.int64)
    open_ = np.arange(count)
    for _ in range(MOST_DRAWS):
        candidate = pool[generator.integers(len(pool), size=len(open_))].astype(np.int64)
        good = fits(open_, candidate)
        drawn[open_[good]] = candidate[good]
        open_ = open_[~good]
        if not len(open_):
            break
    return drawn
