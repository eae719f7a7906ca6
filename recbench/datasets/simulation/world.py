"""The part of a simulation that all users share: popularity and ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.simulation.behaviour_simulation import (
    LARGEST_ITEM_ID,
    LARGEST_USER_ID,
    BehaviourSimulation,
)

CATEGORY_EXPONENT = 0.4
BRAND_EXPONENT = 0.4
ITEM_EXPONENT = 0.7
INTEREST_EXPONENT = 0.4
"""Exponents of the Zipf laws of categories, brands, a cell's items and a user's interests."""


@dataclass(frozen=True)
class World:
    """Popularity of categories, brands and items, and the raw ids that the file shows.

    An item's code is `cell * items_per_cell + rank`, a cell's is
    `(category * stages + stage) * brands + brand`.

    Attributes:
        categories: Popularity of each category, [C]; sums to 1.
        brands: Popularity of each brand, the same in every category, [G]; sums to 1.
        ranks: Popularity of each item within its cell, the same in every cell, [R]; sums to 1.
        interests: Weight of a user's first, second, ... interest, [M]; sums to 1.
        user_ids: Raw id of each user, ascending, [users].
        item_ids: Raw id of each item code, [items].
        category_ids: Raw id of each category, [C].
    """

    categories: NDArray[np.float64]
    brands: NDArray[np.float64]
    ranks: NDArray[np.float64]
    interests: NDArray[np.float64]
    user_ids: NDArray[np.int64]
    item_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]

    @classmethod
    def build(cls, simulation: BehaviourSimulation, seed: np.random.SeedSequence) -> World:
        """Return the world of `simulation`, drawn from `seed`."""
        rng = np.random.default_rng(seed)
        return cls(
            categories=zipf(simulation.categories, CATEGORY_EXPONENT),
            brands=zipf(simulation.brands, BRAND_EXPONENT),
            ranks=zipf(simulation.items_per_cell, ITEM_EXPONENT),
            interests=zipf(simulation.interests, INTEREST_EXPONENT),
            user_ids=np.sort(_ids(rng, LARGEST_USER_ID, simulation.users)),
            item_ids=_ids(rng, LARGEST_ITEM_ID, simulation.items),
            category_ids=_ids(rng, LARGEST_ITEM_ID, simulation.categories),
        )


def zipf(n: int, exponent: float) -> NDArray[np.float64]:
    """Return probabilities proportional to `rank ** -exponent`, [n]."""
    weights = np.arange(1, n + 1) ** -exponent
    return np.asarray(weights / weights.sum())


def _ids(rng: np.random.Generator, largest: int, n: int) -> NDArray[np.int64]:
    return rng.choice(largest, size=n, replace=False) + 1
