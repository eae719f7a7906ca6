"""Episodes of cold start, in batches: whom a model adapts to, and what it is asked then."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recbench.batch import Batch, EpisodeBatch, Reads
from recbench.data.gather import window
from recbench.data.loader import Loader
from recbench.data.prepared import Part, PreparedDataset

Ints = NDArray[np.int64]
Offsets = tuple[int, ...]


class EpisodeLoader:
    """The episodes of one part, in batches.

    Args:
        rows: The part's examples, one by one.
        batch_size: Episodes a batch; the last batch of a pass may be smaller.
    """

    def __init__(self, rows: Loader, batch_size: int) -> None:
        self.rows = rows
        self.dataset, self.part = rows.dataset, rows.part
        self.batch_size = batch_size
        episodes = rows.part.episodes or {}
        self._support, self._query = (
            [np.asarray(episodes[f"{kind}_{end}"], np.int64) for end in ("start", "stop")]
            for kind in ("support", "query")
        )

    @property
    def examples(self) -> int:
        """Number of queries in one pass."""
        start, stop = self._query
        return int((stop - start).sum())

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""
        return math.ceil(len(self._query[0]) / self.batch_size)

    def batched(self, episodes: int) -> EpisodeLoader:
        """Return the same with so many episodes a batch."""
        return EpisodeLoader(self.rows, episodes)

    def __iter__(self) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in stored order."""
        return self._pass(np.arange(len(self._query[0])))

    def epoch(self, number: int, skip: int = 0) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in the random order of epoch `number`.

        Its first `skip` batches are left out, and not read.
        """
        random = np.random.default_rng([self.rows.seed, number])
        return self._pass(random.permutation(len(self._query[0]))[skip * self.batch_size :])

    def mixed(self) -> tuple[Ints, Iterator[EpisodeBatch]]:
        """Return the stored order of queries, which tells no label, and a pass over all in it."""
        return np.arange(self.examples), iter(self)

    def _pass(self, order: Ints) -> Iterator[EpisodeBatch]:
        for first in range(0, len(order), self.batch_size):
            self.dataset.require_open(self.part.name)
            chosen = order[first : first + self.batch_size]
            support, supported = self._take(self._support, chosen)
            query, asked = self._take(self._query, chosen)
            yield EpisodeBatch(query.features, query.labels, support, asked, supported)

    def _take(self, bounds: list[Ints], chosen: Ints) -> tuple[Batch, Offsets]:
        """Return the examples of the chosen episodes and each one's bounds among them."""
        start, stop = (ends[chosen] for ends in bounds)
        offsets, rows = window(start, stop, -1)
        return Batch(*self.rows.take(rows)), tuple(offsets.tolist())


def open_loader(
    dataset: PreparedDataset, part: Part, reads: Reads, batch_size: int, seed: int = 0
) -> Loader | EpisodeLoader:
    """Return the examples of a part in batches, or its episodes if it has any.

    Args:
        dataset: The prepared dataset.
        part: One of its parts.
        reads: Which events of each history to gather.
        batch_size: Examples or episodes a batch.
        seed: Decides the order of each epoch.
    """
    rows = Loader(dataset, part, reads, batch_size, seed)
    return rows if part.episodes is None else EpisodeLoader(rows, batch_size)
