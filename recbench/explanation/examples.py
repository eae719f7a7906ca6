"""Examples to run a model on: what it may see of them, and never their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.batch import Reads
from recbench.data import EpisodeLoader, Loader, Part, PreparedDataset
from recbench.data.gather import window

Ints = NDArray[np.int64]
BATCH = 256
"""Examples, or episodes, that a model sees at once."""


@dataclass(frozen=True)
class Examples:
    """Some examples of a part, or the queries of some of its episodes.

    Attributes:
        loader: Reads the part's examples.
        episodes: Reads its episodes; None where it has none.
        rows: Where in the part the examples are, in the order of predictions, [M].
    """

    loader: Loader
    episodes: EpisodeLoader | None
    rows: Ints

    def batches(self) -> Iterator[tuple[Ints, Any]]:
        """Yield, batch by batch, which rows are in it, [B], and what a model sees of them."""
        if self.episodes is None:
            for first in range(0, len(self.rows), BATCH):
                rows = self.rows[first : first + BATCH]
                yield rows, self.loader.features(rows)
            return
        first = 0
        for batch in self.episodes:
            yield self.rows[first : first + len(batch)], batch.inputs
            first += len(batch)


def choose(dataset: PreparedDataset, part: str, reads: Reads, count: int) -> Examples:
    """Return `count` examples, or episodes, of the valid or test part, spread evenly over it."""
    opened = dataset.open_test() if part == "test" else dataset.part(part)
    if opened.episodes is None:
        loader = Loader(dataset, opened, reads, BATCH)
        return Examples(loader, None, _spread(len(opened), count))
    rows = _spread(len(opened.episodes["state"]), count)
    chosen = replace(opened, episodes={k: column[rows] for k, column in opened.episodes.items()})
    loader = Loader(dataset, chosen, reads, BATCH)
    return Examples(loader, EpisodeLoader(loader, BATCH), _queries(chosen))


def _spread(length: int, count: int) -> Ints:
    if count >= length:
        return np.arange(length)
    return np.linspace(0, length - 1, count).astype(np.int64)


def _queries(part: Part) -> Ints:
    episodes = part.episodes or {}
    start, stop = (np.asarray(episodes[f"query_{end}"], np.int64) for end in ("start", "stop"))
    return window(start, stop, -1)[1]
