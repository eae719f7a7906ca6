"""Protocols of tables: which rows are train, validation and test, and what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recbench.data.protocol import TEST, TRAIN, VALID
from recbench.errors import DataError

Bools = NDArray[np.bool_]


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

    def parts(self, rows: int, testing: Bools | None) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]."""
        return _shuffled(rows, (self.valid, self.test), self.seed)


@dataclass(frozen=True)
class OfficialTestHalved:
    """Train is what the publisher made it; half of the official test is validation, half test.

    Attributes:
        seed: Of the draw.
    """

    seed: int = 2718

    def parts(self, rows: int, testing: Bools | None) -> NDArray[np.int8]:
        """Return the part that each row belongs to, [R]; needs `testing`."""
        if testing is None:
            raise DataError("the protocol needs the official test part, and the reader gives none")
        parts = np.zeros(rows, np.int8)
        parts[testing] = _shuffled(int(testing.sum()), (0.5, 0.5), self.seed)
        return parts


@dataclass(frozen=True)
class TableProtocol:
    """How examples are made from a table: every row is one.

    Attributes:
        timed: Whether rows carry real times; they do not.
        states: None: nothing is judged apart.
        caution: Nothing to say beside scores.
        seen: Nothing to say of what training sees that its name does not say.
        split: Which part a row belongs to.
        labels: Those of the card's labels that are predicted, in this order; all if empty. The
            others are no inputs either.
        left_out: Columns that are no inputs.
        files: Roles of the raw files that are read; all if empty.
        source: Where the protocol comes from.
    """

    timed: ClassVar[bool] = False
    states: ClassVar[tuple[str, ...]] = ()
    caution: ClassVar[str] = ""
    seen: ClassVar[str] = ""
    split: RandomShares | OfficialTestHalved
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    source: str = "recbench"


def _shuffled(rows: int, shares: tuple[float, float], seed: int) -> NDArray[np.int8]:
    """Return parts in random order: validation and test in `shares`, the rest train, [rows]."""
    valid, test = (round(share * rows) for share in shares)
    parts = np.full(rows, TRAIN, np.int8)
    parts[:valid] = VALID
    parts[valid : valid + test] = TEST
    return np.random.default_rng(seed).permutation(parts)
