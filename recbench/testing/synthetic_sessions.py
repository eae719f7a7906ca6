"""Small made-up sessions: batches of next-item prediction, at random and with a signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from recbench.batch import Features, NextItemBatch, Reads
from recbench.schema import FIRST_ID, UNSEEN, Field, Schema
from recbench.testing.synthetic import CATEGORIES, ITEMS, MIXED_LENGTHS, make_history

LONGEST = 4
"""Longest history of a planted batch."""
FAVOURITE = 0.7
"""Share of the one item that is planted for models that read no history."""

SCHEMA = Schema(
    (
        Field("item", "item", FIRST_ID + ITEMS),
        Field("category", "item", FIRST_ID + CATEGORIES),
    )
)


def random_batch(
    lengths: Sequence[int] = MIXED_LENGTHS, seed: int = 0, unseen: float = 0.1
) -> NextItemBatch:
    """Return a batch without any signal; arguments as in `synthetic.random_batch`."""
    random = np.random.default_rng(seed)
    events = FIRST_ID + random.integers(ITEMS, size=sum(lengths))
    events = np.where(random.random(len(events)) < unseen, UNSEEN, events)
    history = make_history(events, np.array(lengths, np.int64), random)
    target = random.integers(ITEMS, size=len(lengths))
    return NextItemBatch(Features({}, history), torch.from_numpy(target))


def planted_batch(examples: int, reads: Reads, seed: int = 0) -> NextItemBatch:
    """Return a batch in which an item always leads to the same next one.

    For a model that reads no history, one item is much more frequent than the others.

    Args:
        examples: Number of rows.
        reads: Which events the model reads.
        seed: Decides the rows, not the rule.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(1, min(reads.recent or LONGEST, LONGEST) + 1, size=examples)
    first = random.integers(ITEMS, size=examples)
    step = np.concatenate([np.arange(length) for length in lengths])
    events = (first.repeat(lengths) + step) % ITEMS
    target = (first + lengths) % ITEMS
    if reads == Reads(recent=0):
        target = np.where(random.random(examples) < FAVOURITE, 0, target)
    history = make_history(FIRST_ID + events, lengths, random)
    return NextItemBatch(Features({}, history), torch.from_numpy(target))


def opposite(labels: torch.Tensor) -> torch.Tensor:
    """Return another target for each example."""
    return (labels + 1) % ITEMS
