"""Random batches, the same for every contender."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.peers.case import CATEGORIES, ITEMS, TASKS, USERS, Case

FIRST_ID = 2
"""The lowest id that occurs."""

BATCHES = 8
"""How many there are; with one alone its rows of the tables would stay in the caches."""


@dataclass(frozen=True)
class Batch:
    """Ids and labels of B rows, of int64; every history is full.

    Attributes:
        user: [B].
        item: The target, [B].
        history: Items, oldest first, [B, T].
        negatives: Items that did not happen, [B, T].
        age: Seconds from each event to the target, [B, T].
        labels: 0 or 1 for each task, [B, tasks] of float32.
    """

    user: Tensor
    item: Tensor
    history: Tensor
    negatives: Tensor
    age: Tensor
    labels: Tensor


def category(item: Tensor) -> Tensor:
    """Return the categories of items."""
    return item % (CATEGORIES - FIRST_ID) + FIRST_ID


def random_batches(case: Case) -> list[Batch]:
    """Return the batches of a case."""
    generator = torch.Generator().manual_seed(0)

    def ids(size: int, *shape: int) -> Tensor:
        return torch.randint(FIRST_ID, size, shape, generator=generator)

    shape = (case.batch, case.steps)
    return [
        Batch(
            ids(USERS, case.batch),
            ids(ITEMS, case.batch),
            ids(ITEMS, *shape),
            ids(ITEMS, *shape),
            ids(10_000_000, *shape).sort(1, descending=True).values,
            torch.randint(2, (case.batch, TASKS), generator=generator).float(),
        )
        for _ in range(BATCHES)
    ]
