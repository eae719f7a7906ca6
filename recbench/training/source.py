"""What a model is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from recbench.batch import Batch, EpisodeBatch


class Source(Protocol):
    """Training examples, in batches."""

    @property
    def examples(self) -> int:
        """Number of examples in one pass."""

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""

    def __iter__(self) -> Iterator[Batch]:
        """Pass over all examples in stored order."""

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Pass over all examples in the order of epoch `number`, its first `skip` batches left out.

        What is left out is not read, and the rest is as it would be after it.
        """


class EpisodeSource(Source, Protocol):
    """Training episodes, in batches; examples are their queries."""

    @property
    def rows(self) -> Source:
        """All examples of the training part one by one, whether an episode has them or not."""

    def batched(self, episodes: int) -> EpisodeSource:
        """Return the same with so many episodes a batch."""

    def __iter__(self) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in stored order."""

    def epoch(self, number: int, skip: int = 0) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in the order of epoch `number`, without its first batches."""
