"""Parts of a batch: some of its rows, or some of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.batch import Batch, Features, History, Reads
from recbench.data.gather import category_index, window, window_with_category

Ints = NDArray[np.int64]
B = TypeVar("B", bound=Batch)


def take(features: Features, rows: Sequence[int]) -> Features:
    """Return the given rows, in the given order, as a batch of their own."""
    chosen = torch.as_tensor(rows, dtype=torch.int64)
    starts, stops = _bounds(features.history)
    events = window(starts[chosen.numpy()], stops[chosen.numpy()], -1)
    fields = {name: ids[chosen] for name, ids in features.fields.items()}
    return Features(fields, _history(features.history, *events), features.numbers[chosen])


def take_batch(batch: B, rows: Sequence[int]) -> B:
    """Return the given rows with their labels."""
    labels = batch.labels[torch.as_tensor(rows)]
    return replace(batch, features=take(batch.features, rows), labels=labels)


def prune(features: Features, reads: Reads) -> Features:
    """Return the features with only those events that `reads` names, as the harness does."""
    history = features.history
    starts, stops = _bounds(history)
    recent = -1 if reads.recent is None else reads.recent
    if not reads.same_category or recent < 0:
        return replace(features, history=_history(history, *window(starts, stops, recent)))
    category = history.fields["category"].numpy().astype(np.int32)
    offsets, positions = window_with_category(
        starts,
        stops,
        recent,
        reads.same_category,
        starts,
        stops,
        category_index(history.offsets.numpy(), category),
        category,
        features.fields["category"].numpy(),
    )
    return replace(features, history=_history(history, offsets, positions))


def _bounds(history: History) -> tuple[Ints, Ints]:
    offsets: Ints = history.offsets.numpy()
    return offsets[:-1], offsets[1:]


def _history(history: History, offsets: Ints, positions: Ints) -> History:
    chosen = torch.from_numpy(positions)
    fields = {name: ids[chosen] for name, ids in history.fields.items()}
    longest = int(np.diff(offsets).max(initial=0))
    return History(fields, history.age[chosen], torch.from_numpy(offsets), longest)
