"""Small made-up data: batches at random, and batches with a signal that a model must find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.batch import Batch, CTRBatch, Features, History, Reads
from recbench.schema import FIRST_ID, UNSEEN, Field, Schema
from recbench.testing.rows import take_batch

Ints = NDArray[np.int64]

USERS, AGE_GROUPS, ITEMS, CATEGORIES = 10, 3, 32, 8
PLANTED_LENGTH = 4
"""Longest history of a planted batch; shorter than `CATEGORIES`, so that some do not occur."""

MIXED_LENGTHS = (5, 0, 1, 60, 3, 0, 2, 12)
"""Histories of all kinds: empty ones, one of one event, one longer than most models read."""

SCHEMA = Schema(
    (
        Field("user", "user", FIRST_ID + USERS),
        Field("age_group", "user", FIRST_ID + AGE_GROUPS),
        Field("item", "item", FIRST_ID + ITEMS),
        Field("category", "item", FIRST_ID + CATEGORIES),
        Field("label", "label", 2),
    )
)
"""The fields of all synthetic data; an item has one category and a user one age group."""


@dataclass(frozen=True)
class SyntheticSource:
    """Training examples held in memory: a `recbench.Source`."""

    batch: Batch
    batch_size: int

    @property
    def examples(self) -> int:
        """Number of examples in one pass."""
        return len(self.batch)

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""
        return -(-self.examples // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Pass over all examples in stored order."""
        return self._pass(np.arange(self.examples))

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Pass over all examples in the random order of epoch `number`, but for first batches."""
        order = np.random.default_rng(number).permutation(self.examples)
        return self._pass(order[skip * self.batch_size :])

    def _pass(self, order: Ints) -> Iterator[Batch]:
        for start in range(0, len(order), self.batch_size):
            yield take_batch(self.batch, order[start : start + self.batch_size].tolist())


def random_batch(
    lengths: Sequence[int] = MIXED_LENGTHS, seed: int = 0, unseen: float = 0.1
) -> CTRBatch:
    """Return a batch without any signal.

    Args:
        lengths: Number of events of each row's history, 0 included.
        seed: Decides everything else.
        unseen: Share of users, targets and events whose ids are `UNSEEN`.
    """
    random = np.random.default_rng(seed)

    def draw(values: int, count: int) -> Ints:
        ids = FIRST_ID + random.integers(values, size=count)
        return np.where(random.random(count) < unseen, UNSEEN, ids)

    rows = len(lengths)
    user, item, events = draw(USERS, rows), draw(ITEMS, rows), draw(ITEMS, sum(lengths))
    return _batch(user, item, events, np.array(lengths, np.int64), np.arange(rows) % 2, random)


def planted_batch(examples: int, reads: Reads, seed: int = 0) -> CTRBatch:
    """Return a batch whose labels follow from what a model that reads `reads` is shown.

    The label is 1 if and only if the target's category occurs in the history. For a model that
    reads no history, it is a property of the target item that its category does not tell.

    Args:
        examples: Number of rows.
        reads: Which events the model reads; the history holds no others.
        seed: Decides the rows, not the rule.
    """
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=examples)
    lengths = random.integers(1, _planted_length(reads) + 1, size=examples)
    events = random.integers(ITEMS, size=lengths.sum())
    variant = random.integers(ITEMS // CATEGORIES, size=examples)
    if reads == Reads(recent=0):
        category = random.integers(CATEGORIES, size=examples)
        variant = variant // 2 * 2 + labels
    else:
        occurs = np.zeros((examples, CATEGORIES), np.int64)
        occurs[np.arange(examples).repeat(lengths), events % CATEGORIES] = 1
        fits = occurs == labels[:, None]
        category = np.where(fits, random.random(fits.shape), -1).argmax(1)
    user = FIRST_ID + random.integers(USERS, size=examples)
    item = FIRST_ID + category + CATEGORIES * variant
    return _batch(user, item, FIRST_ID + events, lengths, labels, random)


def _planted_length(reads: Reads) -> int:
    if not reads.recent or reads.same_category:
        return PLANTED_LENGTH
    return min(reads.recent, PLANTED_LENGTH)


def _batch(
    user: Ints, item: Ints, events: Ints, lengths: Ints, labels: Ints, random: np.random.Generator
) -> CTRBatch:
    fields = {
        "user": torch.from_numpy(user),
        "age_group": torch.from_numpy(_attribute(user, AGE_GROUPS)),
        "item": torch.from_numpy(item),
        "category": torch.from_numpy(_category(item)),
    }
    features = Features(fields, make_history(events, lengths, random))
    return CTRBatch(features, torch.from_numpy(labels).float())


def make_history(events: Ints, lengths: Ints, random: np.random.Generator) -> History:
    """Return histories of items `events` [N], `lengths` [B] of them a row, at random times."""
    offsets = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
    gaps = random.integers(1, 100_000, size=len(events))
    until = np.append(gaps[::-1].cumsum()[::-1], 0)
    age = until[:-1] - until[offsets[1:]].repeat(lengths)
    return History(
        {"item": torch.from_numpy(events), "category": torch.from_numpy(_category(events))},
        torch.from_numpy(age),
        torch.from_numpy(offsets),
        int(lengths.max(initial=0)),
    )


def _category(item: Ints) -> Ints:
    return _attribute(item, CATEGORIES)


def _attribute(ids: Ints, values: int) -> Ints:
    """Return the one attribute value of each id; unseen ids have an unseen one."""
    return np.where(ids < FIRST_ID, ids, FIRST_ID + (ids - FIRST_ID) % values)
