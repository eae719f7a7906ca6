"""Small made-up tables: batches with several labels, at random and with a signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.batch import Features, History, MultiTaskBatch, Reads
from recbench.schema import FIRST_ID, UNSEEN, Field, Schema
from recbench.testing.synthetic import MIXED_LENGTHS

COLOURS, SHAPES = 6, 4
MISSING = 0.2
"""Share of missing labels in a batch at random."""

SCHEMA = Schema(
    (
        Field("colour", "context", FIRST_ID + COLOURS),
        Field("weight", "context", 0),
        Field("shape", "context", FIRST_ID + SHAPES),
        Field("height", "context", 0),
        Field("sold", "label", 2),
        Field("returned", "label", 2),
        Field("price", "label", 0),
    )
)
"""Two categories, two numbers, two binary labels and a real one."""


def random_batch(
    lengths: Sequence[int] = MIXED_LENGTHS, seed: int = 0, unseen: float = 0.1
) -> MultiTaskBatch:
    """Return a batch without any signal, of which some labels are missing.

    Args:
        lengths: One for each row; rows of a table have no history, so that it is their number that
            counts.
        seed: Decides everything else.
        unseen: Share of categories whose ids are `UNSEEN`, and of numbers that are missing.
    """
    random, rows = np.random.default_rng(seed), len(lengths)

    def draw(values: int) -> NDArray[np.int64]:
        ids = FIRST_ID + random.integers(values, size=rows)
        return np.where(random.random(rows) < unseen, UNSEEN, ids)

    colour, shape = draw(COLOURS), draw(SHAPES)
    numbers = random.normal(size=(rows, 2))
    numbers[random.random(numbers.shape) < unseen] = 0
    labels = random.normal(size=(rows, 3))
    labels[:, :2] = labels[:, :2] > 0
    labels[random.random(labels.shape) < MISSING] = np.nan
    return _batch(colour, shape, numbers, labels)


def planted_batch(examples: int, reads: Reads, seed: int = 0) -> MultiTaskBatch:
    """Return a batch whose labels follow from categories and numbers.

    Args:
        examples: Number of rows.
        reads: Of no consequence: rows of a table have no history.
        seed: Decides the rows, not the rule.
    """
    random = np.random.default_rng(seed)
    colour, shape = (random.integers(values, size=examples) for values in (COLOURS, SHAPES))
    numbers = random.normal(size=(examples, 2))
    bright, round_ = colour % 2 - 0.5, shape % 2 - 0.5
    price = numbers[:, 0] + bright
    sold, returned = price > 0, numbers[:, 1] + round_ - bright > 0
    labels = np.column_stack((sold, returned, price))
    return _batch(FIRST_ID + colour, FIRST_ID + shape, numbers, labels)


def opposite(labels: torch.Tensor) -> torch.Tensor:
    """Return another label for each that is there."""
    return 1 - labels


def _batch(
    colour: NDArray[np.int64],
    shape: NDArray[np.int64],
    numbers: NDArray[np.float64],
    labels: NDArray[np.floating],
) -> MultiTaskBatch:
    fields = {"colour": torch.from_numpy(colour), "shape": torch.from_numpy(shape)}
    offsets = torch.zeros(len(colour) + 1, dtype=torch.int64)
    history = History({}, offsets[:0], offsets, 0)
    features = Features(fields, history, torch.from_numpy(numbers).float())
    return MultiTaskBatch(features, torch.from_numpy(labels).float())
