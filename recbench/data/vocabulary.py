"""Vocabularies: which id each raw value gets, fitted on the training part alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.schema import FIRST_ID, PADDING, UNSEEN


@dataclass(frozen=True)
class Renumbering:
    """Final ids of users or items: those of the training part first, the others after them.

    Attributes:
        ids: Final id of each raw number, [V] of int32.
        order: Raw number of each final id from `FIRST_ID` on, [V].
        size: Ids that models know, `PADDING` and `UNSEEN` included; ids from here on are unseen.
        fitted: How many of them the training part has; vocabularies of fields are fitted on those.
    """

    ids: NDArray[np.int32]
    order: NDArray[np.int64]
    size: int
    fitted: int


def renumber(in_train: NDArray[np.bool_], learnt: NDArray[np.bool_] | None = None) -> Renumbering:
    """Return final ids.

    Args:
        in_train: Which raw numbers the training part contains, [V].
        learnt: Which of the others have ids that models know, after those of the training part,
            [V]; none if not given.
    """
    known = in_train if learnt is None else in_train | learnt
    order = np.lexsort((~in_train, ~known))
    ids = np.empty(len(order), np.int32)
    ids[order] = np.arange(FIRST_ID, FIRST_ID + len(order), dtype=np.int32)
    return Renumbering(ids, order, FIRST_ID + int(known.sum()), int(in_train.sum()))


@dataclass(frozen=True)
class Coded:
    """A side field as ids.

    Attributes:
        ids: Id of the field for each final id of its user or item, the two special ids included.
        values: Raw value of each id from `FIRST_ID` on.
    """

    ids: NDArray[np.int32]
    values: pa.Array

    @property
    def size(self) -> int:
        """Number of ids, the special ones included."""
        return FIRST_ID + len(self.values)


def encode(values: pa.Array, renumbering: Renumbering, missing: int = UNSEEN) -> Coded:
    """Return the ids of a side field given by raw number; `missing` is the id of no value."""
    ordered = values.take(pa.array(renumbering.order))
    known = pc.unique(ordered.slice(0, renumbering.fitted)).drop_null()
    known = known.take(pc.sort_indices(known))
    found = pc.index_in(ordered, value_set=known).fill_null(UNSEEN - FIRST_ID)
    found = pc.if_else(ordered.is_null(), missing - FIRST_ID, found)
    ids = np.concatenate(([PADDING, UNSEEN], found.to_numpy(zero_copy_only=False) + FIRST_ID))
    return Coded(ids.astype(np.int32), known)
