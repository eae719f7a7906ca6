"""A dataset as a plugin describes it: its card, and how its raw files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import numpy as np
from numpy.typing import NDArray

from recbench.data.protocol import Protocol
from recbench.progress import Progress

LABEL = "click"
"""Name of the label of click-through-rate data."""
RESERVED = frozenset({"user", "item", LABEL, "behaviour", "start", "stop"})
"""Names that no further field of users or items can have, because prepared data use them."""


@dataclass(frozen=True)
class Card:
    """What is fixed about a dataset.

    Attributes:
        name: Its name on the command line.
        version: Raised when anything that can change a score changes.
        title: Its full name.
        task: The task its examples serve.
        files: Raw files by role: the file's name as published; it may also lie there as .gz/.zip.
        protocols: How examples are made, by name; the first is the default.
        source: Where to get the files, in a sentence that can follow "get it from".
        licence: What the owners allow.
        citation: Whom to cite.
        counts: Published releases, each as counts of `interactions`, `users`, `items`; a log that
            matches none is refused. Empty if none is published.
        time_range: First and last second that can be right; other rows are dropped and counted.
        simulated_sizes: Sizes the simulator offers, each with its constants; empty without one.
        simulator_version: Raised when simulated data change.
        max_rejected: Share of rows that may be malformed before the file is refused.
        notes: What a user must know about the data, a sentence each.
        sessions: Whether its users are sessions, which never come back: no model is told them.
    """

    name: str
    version: int
    title: str
    task: str
    files: Mapping[str, str]
    protocols: Mapping[str, Protocol]
    source: str
    licence: str
    citation: str
    counts: tuple[Mapping[str, int], ...] = ()
    time_range: tuple[int, int] | None = None
    simulated_sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    simulator_version: int = 0
    max_rejected: float = 1e-3
    notes: tuple[str, ...] = ()
    sessions: bool = False

    @property
    def default_protocol(self) -> str:
        """The name of the protocol used when none is asked for."""
        return next(iter(self.protocols))


class Dataset:
    """A dataset plugin: a card and a reader.

    Attributes:
        api: The `API_VERSION` the class was written for.
        card: What is fixed about the dataset.
    """

    api: ClassVar[int]
    card: ClassVar[Card]

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make the log's tables or views in `db` from the raw files, keyed as in the card.

        `events` has a row an event: `row` (its order in the file), `user`, `item`, `time`
        (seconds) and, where the data have them, `behaviour` (its name), `positive` (whether it
        can be a target; all can if absent), `label` (0 or 1; if absent, targets are positives
        and, for click prediction, negatives are drawn) and `testing` (whether the event belongs to
        the official test part; needed by the protocol `OfficialTest` alone).
        `items` (optional) has `item` and a column for each further item field; `users` likewise.
        No two of these fields have one name, upper and lower case alike, and none is `RESERVED`.
        """
        raise NotImplementedError

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write simulated raw files of one of the card's sizes; return them by role."""
        raise NotImplementedError

    def oracle(
        self,
        folder: Path,
        user: NDArray[np.int64],
        time: NDArray[np.int64],
        item: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Return scores of simulated examples that no model is expected to beat, [N].

        Only for click prediction.

        Users and items are raw ids, [N].
        """
        raise NotImplementedError
