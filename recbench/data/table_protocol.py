"""Protocols of tables: which rows are train, validation and test, and what is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from recbench.data.protocol import TEST, TRAIN, VALID, GlobalTime
from recbench.errors import DataError

Columns = Mapping[str, NDArray[np.generic]]
"""What a split reads of the rows: the columns it names, each [R]."""
BLOCK = 1 << 20
"""Rows whose parts are found at a time."""


@dataclass(frozen=True)
class RandomShares:
    """Every row has the same chance of being validation or test, whatever its official part.

    Attributes:
        valid: Share of the rows that is validation.
        test: Share of the rows that is test.
        seed: Of the draw.
    """

    valid: float = 0.2
    test: float = 0.2
    seed: int = 2718

    @property
    def reads(self) -> Mapping[str, DTypeLike]:
        """Types of the columns that decide the parts: there are none."""
        return {}

    def parts(self, rows: int, columns: Columns) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        return _shuffled(rows, (self.valid, self.test), self.seed)


@dataclass(frozen=True)
class OfficialTestHalved:
    """Train is what the publisher made it; half of the official test is validation, half test.

    Attributes:
        seed: Of the draw.
    """

    seed: int = 2718

    @property
    def reads(self) -> Mapping[str, DTypeLike]:
        """Types of the columns that decide the parts."""
        return {"testing": np.bool_}

    def parts(self, rows: int, columns: Columns) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        testing = np.asarray(columns["testing"], bool)
        parts = np.zeros(rows, np.int8)
        parts[testing] = _shuffled(int(testing.sum()), (0.5, 0.5), self.seed)
        return parts


@dataclass(frozen=True)
class OfficialTestKept:
    """Test is what the publisher made it; validation is drawn from the other rows.

    Attributes:
        valid: Share of the other rows that is validation or, with groups, the chance that a group
            is.
        seed: Of the draw.
        group: Column of the number of each row's group: the rows of a group are of one part, be it
            train or validation. There are none if empty.
    """

    valid: float = 0.1
    seed: int = 2718
    group: str = ""

    @property
    def reads(self) -> Mapping[str, DTypeLike]:
        """Types of the columns that decide the parts."""
        return {"testing": np.bool_, **({self.group: np.int64} if self.group else {})}

    def parts(self, rows: int, columns: Columns) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        testing = np.asarray(columns["testing"], bool)
        parts = np.full(rows, TEST, np.int8)
        if not self.group:
            parts[~testing] = _shuffled(rows - int(testing.sum()), (self.valid, 0), self.seed)
            return parts
        for start in range(0, rows, BLOCK):
            block = slice(start, start + BLOCK)
            chance = _uniform(columns[self.group][block], self.seed)
            own = np.where(chance < self.valid, VALID, TRAIN)
            parts[block] = np.where(testing[block], TEST, own)
        return parts


@dataclass(frozen=True)
class PublishedParts:
    """All three parts are what the publisher made them.

    Attributes:
        column: Column of each row's part: 0 for train, 1 for validation, 2 for test.
    """

    column: str = "part"

    @property
    def reads(self) -> Mapping[str, DTypeLike]:
        """Types of the columns that decide the parts."""
        return {self.column: np.int8}

    def parts(self, rows: int, columns: Columns) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        parts = np.asarray(columns[self.column], np.int8)
        if odd := sorted(set(np.unique(parts).tolist()) - {TRAIN, VALID, TEST}):
            raise DataError(f"the column '{self.column}' has the value {odd[0]}, which is no part")
        return parts


@dataclass(frozen=True)
class RowTime:
    """Everything before one moment trains, then comes validation, then test.

    Attributes:
        moments: Where the parts begin.
        column: Column of each row's time in seconds.
    """

    moments: GlobalTime
    column: str = "time"

    @property
    def reads(self) -> Mapping[str, DTypeLike]:
        """Types of the columns that decide the parts."""
        return {self.column: np.int64}

    def parts(self, rows: int, columns: Columns) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        time = np.asarray(columns[self.column], np.int64)
        bounds = np.array(self.moments.moments(time) if rows else (0, 0))
        parts = np.empty(rows, np.int8)
        for start in range(0, rows, BLOCK):
            block = slice(start, start + BLOCK)
            parts[block] = np.searchsorted(bounds, time[block], side="right")
        return parts


@dataclass(frozen=True)
class TableProtocol:
    """How examples are made from a table: every row is one.

    Attributes:
        states: None: nothing is judged apart.
        caution: Nothing to say beside scores.
        seen: Nothing to say of what training sees that its name does not say.
        split: Which part a row belongs to.
        labels: Those of the card's labels that are predicted, in this order; all if empty. The
            others are no inputs either.
        left_out: Columns that are no inputs, beside those that the split reads.
        files: Roles of the raw files that are read; all if empty.
        source: Where the protocol comes from.
    """

    states: ClassVar[tuple[str, ...]] = ()
    caution: ClassVar[str] = ""
    seen: ClassVar[str] = ""
    split: RandomShares | OfficialTestHalved | OfficialTestKept | PublishedParts | RowTime
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    source: str = "recbench"

    @property
    def timed(self) -> bool:
        """Whether rows carry real times, and the parts follow them."""
        return isinstance(self.split, RowTime)


def _shuffled(rows: int, shares: tuple[float, float], seed: int) -> NDArray[np.int8]:
    """Return parts in random order: validation and test in `shares`, the rest train, [rows]."""
    valid, test = (round(share * rows) for share in shares)
    parts = np.full(rows, TRAIN, np.int8)
    parts[:valid] = VALID
    parts[valid : valid + test] = TEST
    return np.random.default_rng(seed).permutation(parts)


def _uniform(numbers: NDArray[np.generic], seed: int) -> NDArray[np.float64]:
    """Return for each number one drawn from [0, 1), always the same with a seed, [R].

    It is the output function of SplitMix64 (Steele et al., OOPSLA 2014), applied twice.
    """
    mixed = np.asarray(numbers, np.int64).astype(np.uint64)
    for _ in range(2):
        mixed = mixed + np.uint64((seed * 0x9E3779B97F4A7C15 + 1) % (1 << 64))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
