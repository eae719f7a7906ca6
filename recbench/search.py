"""Search spaces: which settings tuning may vary, and over what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, init=False)
class Choice:
    """One of several values, none nearer to another.

    Attributes:
        values: The values.
    """

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise ValueError("a Choice needs one value or more")
        object.__setattr__(self, "values", values)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that fit a field if all do."""
        return self.values

    def plain(self) -> dict[str, list[Any]]:
        """Return it as JSON holds it."""
        return {"choice": list(self.values)}


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included; a whole one if both are.

    Attributes:
        low: The least.
        high: The largest.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a range without numbers."""
        if not self.low <= self.high:
            raise ValueError(f"{self}: low must not be above high")

    @property
    def ends(self) -> tuple[float, float]:
        """Values that fit a field if all do."""
        return self.low, self.high

    @property
    def whole(self) -> bool:
        """Whether it has whole numbers alone."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def plain(self) -> dict[str, list[Any]]:
        """Return it as JSON holds it."""
        return {"range": [self.low, self.high]}


@dataclass(frozen=True)
class LogRange(Range):
    """A number from `low` to `high`, each order of magnitude as likely as another."""

    def __post_init__(self) -> None:
        """Refuse a range without numbers, or without a logarithm."""
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(f"{self}: low must be above 0; a Choice can have 0")

    def plain(self) -> dict[str, list[Any]]:
        """Return it as JSON holds it."""
        return {"log_range": [self.low, self.high]}


Domain = Choice | Range
SearchSpace = Mapping[str, Domain]
"""By field of a model's `Config`, or `training.FIELD` for one of the training: what it may be."""

COMMON_SPACE: SearchSpace = {
    "training.learning_rate": LogRange(1e-4, 1e-2),
    "training.weight_decay": Choice(0.0, 1e-7, 1e-6, 1e-5, 1e-4),  # none at all must be possible
    "training.batch_size": Choice(128, 256, 512, 1024),
}
"""What is varied of every model that is trained by gradients and declares no more."""
