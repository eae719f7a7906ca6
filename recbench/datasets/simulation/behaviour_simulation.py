"""`BehaviourSimulation`: every constant of one simulated data set."""

from __future__ import annotations

from dataclasses import dataclass, fields

from recbench.errors import UsageError

VERSION = 1
"""Version of the simulator: a change of what it draws or keeps raises it."""
LARGEST_USER_ID = 1_018_011
LARGEST_ITEM_ID = 5_163_070
"""The largest ids of the real file; simulated ids are spread over the same ranges."""


@dataclass(frozen=True)
class BehaviourSimulation:
    """The constants of one simulated data set; equal constants give equal bytes.

    Items lie in cells, one for every (category, stage, brand). An item's id shows its category
    only: stage and brand are latent. Each page view draws a category, a stage, a brand and an
    item that the user has not yet met, in this order; each of the first three draws follows its
    mechanism with a probability equal to the mechanism's strength and popularity otherwise.

    Attributes:
        users: Number of users, at most `LARGEST_USER_ID`.
        mean_events: Mean events of a user over the nine days, all behaviours; at most 10,000.
        categories: Number of categories.
        stages: Steps of the cycle that a user's views of one category pass through.
        brands: Brands of each category, at most 256.
        items_per_cell: Items of one (category, stage, brand).
        interests: Long-term interests of a user: distinct categories, fixed for life.
        stickiness: Probability that a view led by interest stays with the active interest.
        drift: Probability that a view that leaves it takes any category, not an interest.
        activity: Weight of interest against popularity in the choice of a category.
        order: Weight of the next stage in the cycle against a uniform draw.
        taste: Weight of the user's own brand of the category against brand popularity.
        length_spread: Standard deviation of the logarithm of a user's number of events.
        seed: Seed of everything random.

    Raises:
        UsageError: A value is outside its range.
    """

    users: int
    mean_events: int
    categories: int
    stages: int = 3
    brands: int = 3
    items_per_cell: int = 12
    interests: int = 10
    stickiness: float = 0.75
    drift: float = 0.1
    activity: float = 0.8
    order: float = 0.85
    taste: float = 0.8
    length_spread: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse constants that describe no world."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and field.name != "length_spread":
                self._require(0 <= value <= 1, field.name, "between 0 and 1")
            elif field.name == "seed" or field.type == "float":
                self._require(value >= 0, field.name, "at least 0")
            else:
                self._require(value >= 1, field.name, "at least 1")
        self._require(
            self.interests <= self.categories,
            "interests",
            f"at most {self.categories} (categories)",
        )
        self._require(self.mean_events <= 10_000, "mean_events", "at most 10,000")
        self._require(self.brands <= 256, "brands", "at most 256")
        self._require(self.users <= LARGEST_USER_ID, "users", f"at most {LARGEST_USER_ID:,}")
        self._require(
            self.items <= LARGEST_ITEM_ID,
            "items_per_cell",
            f"small enough for {LARGEST_ITEM_ID:,} items (here {self.items:,})",
        )

    @property
    def cells_per_category(self) -> int:
        """Number of (stage, brand) cells of a category."""
        return self.stages * self.brands

    @property
    def cells(self) -> int:
        """Number of (category, stage, brand) cells."""
        return self.categories * self.cells_per_category

    @property
    def items(self) -> int:
        """Number of items."""
        return self.cells * self.items_per_cell

    def _require(self, holds: bool, name: str, range_: str) -> None:
        if not holds:
            value = getattr(self, name)
            raise UsageError(f"simulation: {name} is {value}; it must be {range_}")
