"""`RatingSimulation`: every constant of one set of simulated ratings."""

from __future__ import annotations

from dataclasses import dataclass

from recbench.datasets.constants import require_ranges

VERSION = 1
"""Version of the simulator: a change of what it draws raises it."""


@dataclass(frozen=True)
class RatingSimulation:
    """The constants of simulated ratings; equal constants give equal bytes.

    A rating is 3.6, and biases of user and movie, and the product of their tastes, and noise; a
    fifth of the movies is of 1996 or later.

    Attributes:
        users: Number of users.
        items: Number of movies.
        median: Median of a user's ratings.
        told: Share of the variance of a taste that fields tell, 0 to 1.
        tastes: Dimensions of a taste.
        noise: Standard deviation of a rating about what tastes and biases make it.
        seed: Seed of everything random.

    Raises:
        UsageError: A value is outside its range.
    """

    users: int
    items: int
    median: float
    told: float = 0.5
    tastes: int = 4
    noise: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse constants that no ratings can have."""
        require_ranges(
            self,
            users=self.users >= 1,
            items=self.items >= 1,
            median=1 <= self.median <= self.items,
            told=0 <= self.told <= 1,
            tastes=self.tastes >= 1,
            noise=self.noise >= 0,
            seed=self.seed >= 0,
        )
