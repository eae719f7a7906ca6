"""Contexts of a log's examples as ids, with a vocabulary fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.examples import SplitLog
from recbench.schema import FIRST_ID, UNSEEN, Field


@dataclass(frozen=True)
class Context:
    """The ids of a context.

    Attributes:
        ids: Id of each raw code, [V + 1] of int32; the last one is that of code -1, no value.
        values: Raw value of each id from `FIRST_ID` on: those of the training part, then others.
        size: Ids that models know, `PADDING` and `UNSEEN` included.
    """

    ids: NDArray[np.int32]
    values: pa.Array
    size: int

    def field(self, name: str) -> Field:
        """Return the schema's field."""
        return Field(name, "context", self.size)


def code_contexts(raw: Mapping[str, pa.Array], split: SplitLog) -> dict[str, Context]:
    """Return the ids of contexts, given the raw value of each code."""
    return {
        name: _code(values, split.examples["train"].contexts[name]) for name, values in raw.items()
    }


def context_texts(values: pa.Array) -> pa.Array:
    """Return what fingerprints hold of each id; that of the special ones no file can hold."""
    special = pa.array(["\0"] * FIRST_ID)
    return pa.concat_arrays([special, pa.array(values).cast(pa.string())])


def _code(values: pa.Array, train: NDArray[np.int64]) -> Context:
    counts = np.bincount(train + 1, minlength=len(values) + 1)[1:]
    order = np.argsort(counts == 0, kind="stable")
    ids = np.full(len(values) + 1, UNSEEN, np.int32)
    ids[order] = np.arange(FIRST_ID, FIRST_ID + len(values))
    return Context(ids, values.take(pa.array(order)), FIRST_ID + int((counts > 0).sum()))
