"""What data a run uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recbench.errors import UsageError


@dataclass(frozen=True)
class DataConfig:
    """A dataset, where it comes from, and how it is split."""

    dataset: str  # name of the card
    protocol: str = ""  # name of the split's protocol; the card's default if empty
    source: Literal["auto", "real", "simulated"] = "auto"  # auto: real if it can be had
    size: str = "small"  # of the simulation
    limit: int = 0  # use so many examples of each part at most; 0 for all

    def __post_init__(self) -> None:
        """Refuse what no dataset can serve."""
        if self.limit < 0:
            raise UsageError(f"the limit is {self.limit}; it must be 1 or more, or 0 for none")
