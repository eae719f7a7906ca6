"""Made-up episodes of cold start: support to adapt to, and queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.batch import Batch, EpisodeBatch, Reads
from recbench.schema import Schema
from recbench.testing import synthetic
from recbench.testing.rows import take_batch
from recbench.testing.synthetic import MIXED_LENGTHS, SyntheticSource

SCHEMA = Schema(synthetic.SCHEMA.fields, ("all",))
"""The fields of all synthetic data, a binary label, and one state."""
QUERIES, SUPPORT = 8, 4
"""Examples of a planted episode."""

Ints = NDArray[np.int64]
Offsets = tuple[int, ...]


@dataclass(frozen=True)
class SyntheticEpisodeSource:
    """Training episodes held in memory: a `recbench.EpisodeSource`."""

    batch: EpisodeBatch
    batch_size: int

    @property
    def examples(self) -> int:
        """Number of queries in one pass."""
        return len(self.batch)

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""
        return -(-len(self.batch.inputs) // self.batch_size)

    @property
    def rows(self) -> SyntheticSource:
        """The queries, one by one."""
        return SyntheticSource(Batch(self.batch.features, self.batch.labels), self.batch_size)

    def batched(self, episodes: int) -> SyntheticEpisodeSource:
        """Return the same with so many episodes a batch."""
        return SyntheticEpisodeSource(self.batch, episodes)

    def __iter__(self) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in stored order."""
        return self._pass(np.arange(len(self.batch.inputs)))

    def epoch(self, number: int, skip: int = 0) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in the random order of epoch `number`, but for first batches."""
        order = np.random.default_rng(number).permutation(len(self.batch.inputs))
        return self._pass(order[skip * self.batch_size :])

    def _pass(self, order: Ints) -> Iterator[EpisodeBatch]:
        for start in range(0, len(order), self.batch_size):
            yield self._take(order[start : start + self.batch_size])

    def _take(self, chosen: Ints) -> EpisodeBatch:
        queries = Batch(self.batch.features, self.batch.labels)
        query, asked = _rows(queries, self.batch.query_offsets, chosen)
        support, supported = _rows(self.batch.support, self.batch.support_offsets, chosen)
        return EpisodeBatch(query.features, query.labels, support, asked, supported)


def random_batch(
    lengths: Sequence[int] = MIXED_LENGTHS, seed: int = 0, unseen: float = 0.1
) -> EpisodeBatch:
    """Return episodes without any signal; the last of several has no support.

    Args:
        lengths: Number of events of each query's history, 0 included.
        seed: Decides everything else.
        unseen: Share of users, targets and events whose ids are `UNSEEN`.
    """
    query = synthetic.random_batch(lengths, seed, unseen)
    support = synthetic.random_batch(MIXED_LENGTHS, seed + 1, unseen)
    bounds: tuple[Offsets, Offsets] = (0, len(query)), (0, len(support))
    if len(query) > 1:
        bounds = (0, len(query) // 2, len(query)), (0, len(support), len(support))
    rows = Batch(support.features, support.labels)
    return EpisodeBatch(query.features, query.labels, rows, *bounds)


def planted_batch(examples: int, reads: Reads, seed: int = 0) -> EpisodeBatch:
    """Return episodes whose labels follow from what is shown: whether the category is even.

    Args:
        examples: Number of queries.
        reads: Which events the model reads; the rule does not depend on it.
        seed: Decides the rows, not the rule.
    """
    episodes = -(-examples // QUERIES)
    query = _ruled(synthetic.planted_batch(examples, reads, seed))
    support = _ruled(synthetic.planted_batch(episodes * SUPPORT, reads, seed + 100))
    asked = tuple(min(QUERIES * place, examples) for place in range(episodes + 1))
    supported = tuple(SUPPORT * place for place in range(episodes + 1))
    return EpisodeBatch(query.features, query.labels, support, asked, supported)


def _ruled(batch: Batch) -> Batch:
    category = batch.features.fields["category"]
    return Batch(batch.features, (category % 2 == 0).float())


def _rows(batch: Batch, offsets: Offsets, chosen: Ints) -> tuple[Batch, Offsets]:
    """Return the rows of the chosen episodes and each one's bounds among them."""
    spans = [range(offsets[place], offsets[place + 1]) for place in chosen]
    rows = [row for span in spans for row in span]
    bounds = np.cumsum([0, *map(len, spans)])
    return take_batch(batch, rows), tuple(bounds.tolist())
