"""A dataset as a plugin describes it: its card, and how its raw files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from recbench.data.download import Download
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.protocol import Protocol
from recbench.data.states_protocol import StatesProtocol
from recbench.data.table_protocol import TableProtocol
from recbench.errors import unknown_name
from recbench.progress import Progress
from recbench.schema import Field

AnyProtocol = Protocol | StatesProtocol | PhasesProtocol | TableProtocol
"""A protocol of any kind; the last one is for tables, the others are for logs."""
LABEL = "click"
"""Name of the label of click-through-rate data."""
RESERVED = frozenset({"user", "item", LABEL, "behaviour", "start", "stop", "group"})
"""Names that no further field of users or items can have, because prepared data use them."""
SIZES = {"binary": 2, "real": 0}
"""What a schema has as the size of a label of each kind."""


@dataclass(frozen=True)
class Card:
    """What is fixed about a dataset.

    Attributes:
        name: Its name on the command line.
        version: Raised when anything that can change a score changes.
        title: Its full name.
        task: The task its examples serve.
        files: Raw files by role: the file's name as published. It may also lie there as .gz, or
            alone in a .zip, .tar.gz or .7z.
        archives: By role, the published archive that holds the file (.zip, .tar.gz or .7z), with
            others or not, in whatever folder of it.
        downloads: What of files and archives can be had without a login, and where.
        folder: Name of the folder for them, if another dataset's name.
        protocols: How examples are made, by name; the first is the default.
        source: Where to get the files, in a sentence that can follow "get it from".
        licence: What the owners allow.
        citation: Whom to cite.
        counts: Published releases, each as counts of `interactions`, `users`, `items`, `pairs` (of
            a click and the next one of its session), `targets` (events that can be one), or `rows`
            of a table; data that match none are refused. Empty if none is published.
        checksums: MD5 or SHA-256 of the published release's files by role, unpacked; where counts
            are published, other files are refused.
        time_range: First and last second that can be right; other rows are dropped and counted.
        simulated_sizes: Sizes the simulator offers, each with its constants; empty without one.
        simulator_version: Raised when simulated data change.
        max_rejected: Share of rows that may be malformed before the file is refused.
        notes: What a user must know about the data, a sentence each.
        departures: By protocol, where it departs from its source or, if that is recbench, from the
            usual way with these data, a sentence each; without what its `source` says already.
        sessions: Whether its users are sessions, which never come back: no model is told them.
        group: The column of `users` that names the real user, where what the log calls a user is
            one of the sequences that a real user has: it takes the sequence's place in models and
            in metrics of each user. Empty if users are users.
        contexts: Columns of events that describe a target's circumstances, as categories.
        labels: What can be predicted of a table's rows or, in cold start, of events, each of two
            values or any number; empty for other logs.
        optional: User and item fields that need no value, such as a second genre: one that is not
            there is `PADDING`, where a missing value of other fields is `UNSEEN`.
        numbers: Which columns of a table are numbers; the others are categories.
        paths: Where the files are, by role, if the card itself knows; else they are looked for.
        sizes: Bytes of these files; of others by role, as `checksums` are used.
        again: The command that makes the card anew when they have changed.
        recipe: What else decides how the files are read, as plain values.
    """

    name: str
    version: int
    title: str
    task: str
    files: Mapping[str, str]
    protocols: Mapping[str, AnyProtocol]
    source: str
    licence: str
    citation: str
    counts: tuple[Mapping[str, int], ...] = ()
    time_range: tuple[int, int] | None = None
    simulated_sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    simulator_version: int = 0
    max_rejected: float = 1e-3
    notes: tuple[str, ...] = ()
    departures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sessions: bool = False
    group: str = ""
    contexts: tuple[str, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Literal["binary", "real"]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    folder: str = ""
    paths: Mapping[str, Path] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    again: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    archives: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[Download, ...] = ()

    @property
    def default_protocol(self) -> str:
        """The name of the protocol used when none is asked for."""
        return next(iter(self.protocols))

    @property
    def home(self) -> str:
        """The name of the folder of the raw files."""
        return self.folder or self.name

    def protocol_name(self, asked: str) -> str:
        """Return the name of the protocol that was asked for: the default one if it is empty.

        Raises:
            UsageError: If there is none of that name.
        """
        name = asked or self.default_protocol
        if name not in self.protocols:
            raise unknown_name(f"protocol of {self.name}", name, self.protocols)
        return name

    def label_fields(self, protocol: AnyProtocol) -> tuple[Field, ...]:
        """Return those of the card's labels that a protocol predicts, in that order."""
        chosen = protocol.labels or tuple(self.labels)
        return tuple(Field(name, "label", SIZES[self.labels[name]]) for name in chosen)

    def files_of(self, protocol: str) -> Mapping[str, str]:
        """Return those of `files` that a protocol reads."""
        chosen = self.protocols[protocol].files or tuple(self.files)
        return {role: self.files[role] for role in chosen}


class Dataset:
    """A dataset plugin: a card and a reader.

    Attributes:
        api: The `API_VERSION` the class was written for.
        card: What is fixed about the dataset.
        expected_failures: By name, checks of `recbench.testing` that it cannot pass, and why.
    """

    api: ClassVar[int]
    card: Card
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make the log's tables or views in `db` from the raw files, keyed as in the card.

        `events` has a row an event: `row` (its order in the file), `user`, `item`, `time`
        (seconds) and, where the data have them, `behaviour` (its name), `positive` (whether it
        can be a target; all can if absent), `label` (0 or 1; if absent, targets are positives
        and, for click prediction, negatives are drawn), `testing` (whether the event belongs to
        the official test part; needed by the protocols that keep to it), `history` (whether it can
        be in a history; all can if absent) and the card's contexts (of targets; null elsewhere).
        `items` (optional) has `item` and a column for each further item field; `users` likewise.
        No two of these fields have one name, upper and lower case alike, and none is `RESERVED`.

        For cold start, `events` has a column for each label of the card in place of `label`.

        For tables there are `rows` instead: `row` (its order), `testing` (as above) or what else
        the protocol's split reads, a column for each label (null where it is missing) and one for
        each input (null likewise).

        `remarks` (optional) is a table of `count` and `what`: how many rows, and what of them, as
        it can follow "1,000 rows", such as "left out: a purchase without a click"; those of a count
        above 0 are in the manifest.
        """
        raise NotImplementedError

    def sample(self, folder: Path) -> None:
        """Write small raw files in the card's formats into `folder`, named as the card names them.

        They are drawn, the same every time, and hold enough for every protocol: a few hundred rows
        within the card's times, of any ids and values that the real files could have. The checks of
        `recbench.testing` try the reader on them, and on damaged copies. A dataset with a simulator
        needs no sample.
        """
        raise NotImplementedError

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write simulated raw files of one of the card's sizes; return them by role.

        `read` gets those that the protocol reads.
        """
        raise NotImplementedError

    def oracle(
        self,
        folder: Path,
        user: NDArray[np.int64],
        time: NDArray[np.int64],
        item: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Return scores of simulated examples that no model is expected to beat, [N].

        Only for click prediction. Where negatives are drawn, the scores are for those drawn by
        popularity, never an item of the user; prepared data of other negatives go without.

        Users and items are raw ids, [N].
        """
        raise NotImplementedError
