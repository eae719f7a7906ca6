"""Episodes as a protocol of cold start makes them: which rows of a log, in which ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.data.gather import window

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class EpisodeRows:
    """The rows of one part, ordered so that support and queries of an episode are ranges.

    Attributes:
        position: Where in the log each row is, [M]; a row may be there more than once.
        episodes: A row an episode: its `state`, and the ranges of rows that are its support and its
            queries, `support_start`, `support_stop`, `query_start`, `query_stop`, each [E].
    """

    position: Ints
    episodes: Mapping[str, Ints]


@dataclass(frozen=True)
class EpisodeSplit:
    """A log with the episodes that a protocol makes of it.

    Attributes:
        parts: The rows and episodes of train, valid and test. All rows of `train` may be learnt
            from, whether or not an episode has them.
        new_items: Whether an item is without training rows and yet has an id of its own, whose
            embedding is to be learnt from support, by raw number.
        reports: What was left out, in sentences.
    """

    parts: Mapping[str, EpisodeRows]
    new_items: Bools
    reports: tuple[str, ...]


def queries(episodes: Mapping[str, Ints]) -> Ints:
    """Return the rows that are queries of some episode, ascending, [Q]."""
    found: Ints = np.unique(window(episodes["query_start"], episodes["query_stop"], -1)[1])
    return found


def ranges(rows: Iterable[tuple[int, int, int, int]]) -> dict[str, Ints]:
    """Return the columns of episodes that share no rows.

    Args:
        rows: Of each episode its state, where its support begins, where its queries begin, with
            which its support ends, and where they end.
    """
    table = np.array([*rows], np.int64).reshape(-1, 4)
    state, start, middle, stop = np.ascontiguousarray(table.T)
    return {
        "state": state,
        "support_start": start,
        "support_stop": middle,
        "query_start": middle,
        "query_stop": stop,
    }
