"""Protocols: how a log becomes train, validation and test examples.

Every rule works on a `LogChunk`, a run of whole users of the log ordered by (user, time, row), so
that a protocol needs memory for one chunk only, however long the log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recbench.errors import DataError

TRAIN, VALID, TEST = 0, 1, 2
PARTS = ("train", "valid", "test")
DAY = 86_400

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class LogChunk:
    """Whole users of the log.

    Attributes:
        start: Position in the log of the chunk's first event.
        user: User of each event, ascending, [N].
        time: Seconds, ascending within a user, [N].
        positive: Whether the event can be a target, [N].
        testing: Whether the event belongs to the official test part, [N]; None if there is none.
    """

    start: int
    user: Ints
    time: Ints
    positive: Bools
    testing: Bools | None = None

    @property
    def user_start(self) -> Ints:
        """For each event, the index in the chunk of its user's first event, [N]."""
        return _run_starts(_changes(self.user))

    @property
    def user_stop(self) -> Ints:
        """For each event, the index in the chunk after its user's last event, [N]."""
        starts = np.flatnonzero(_changes(self.user))
        stops = np.append(starts[1:], len(self.user))
        return np.repeat(stops, stops - starts)


@dataclass(frozen=True)
class GlobalTime:
    """Everything before one moment trains, then comes validation, then test.

    Attributes:
        valid: Length of the validation part, in `unit`.
        test: Length of the test part, which ends the log, in `unit`.
        unit: Whole calendar days, or shares of all events.
        utc_offset_hours: Time zone in which a day begins.
    """

    valid: float
    test: float
    unit: Literal["days", "share"]
    utc_offset_hours: int = 0

    def boundaries(self, time: Ints, testing: Bools | None = None) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the times of all events."""
        if self.unit == "share":
            valid, test = np.quantile(
                time, [1 - self.test - self.valid, 1 - self.test], method="higher"
            )
            return int(valid), int(test)
        shift = self.utc_offset_hours * 3600
        end = (int(time.max()) + shift) // DAY + 1
        return (
            int(end - self.test - self.valid) * DAY - shift,
            int(end - self.test) * DAY - shift,
        )

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        return np.searchsorted(np.array(boundaries), chunk.time, side="right").astype(np.int8)


@dataclass(frozen=True)
class LastSessions:
    """Whole sessions by the time of their last event: the last days are test, those before valid.

    Attributes:
        valid: Days of the validation part.
        test: Days of the test part, which end with the log's last event.
    """

    valid: float
    test: float

    def boundaries(self, time: Ints, testing: Bools | None = None) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the times of all events."""
        end = int(time.max()) + 1
        return int(end - (self.test + self.valid) * DAY), int(end - self.test * DAY)

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        last = chunk.time[chunk.user_stop - 1]
        return np.searchsorted(np.array(boundaries), last, side="right").astype(np.int8)


@dataclass(frozen=True)
class OfficialTest:
    """Test is what the publisher made it; the last users of the rest are validation.

    Attributes:
        valid: Share of the other users' events that is validation.
    """

    valid: float

    def boundaries(self, time: Ints, testing: Bools | None = None) -> tuple[int, int]:
        """Return the moment from which users that begin later are validation."""
        rest = time if testing is None else time[~testing]
        return int(np.quantile(rest, 1 - self.valid, method="higher")), 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]; needs `chunk.testing`."""
        if chunk.testing is None:
            raise DataError("the protocol needs the official test part, and the reader gives none")
        late = chunk.time[chunk.user_start] >= boundaries[0]
        part = np.where(chunk.testing, TEST, np.where(late, VALID, TRAIN))
        return part.astype(np.int8)


@dataclass(frozen=True)
class LeaveLastTwoOut:
    """Each user's last event is test, the one before it validation, the rest train."""

    def boundaries(self, time: Ints, testing: Bools | None = None) -> tuple[int, int]:
        """Return nothing of use: every user has boundaries of their own."""
        return 0, 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        left = chunk.user_stop - np.arange(len(chunk.user))
        part: Ints = np.clip(TEST + 1 - left, TRAIN, TEST)
        return part.astype(np.int8)


@dataclass(frozen=True)
class Negatives:
    """Examples of no click, drawn once and stored with the split.

    Never an item that the user has anywhere in the log.

    Attributes:
        distribution: `popularity`: as often as an item is a positive of the same part;
            `uniform`: every item of the log alike.
        per_positive: How many for each positive.
        seed: Of the draw.
    """

    distribution: Literal["popularity", "uniform"]
    per_positive: int = 1
    seed: int = 2718


@dataclass(frozen=True)
class Protocol:
    """How examples are made from a log.

    Attributes:
        labels: None to choose from, as tables and cold start have.
        states: None: nothing is judged apart.
        left_out: None: every user and item field is an input.
        seen: Nothing to say of what training sees that its name does not say.
        split: Which part an event belongs to.
        negatives: How examples of no click are drawn; None where the log has labels, and for
            tasks that need none.
        last_per_user: At most so many targets of a user in each part, the latest; 0 for all.
        min_history: A target needs at least so many events before it.
        ties: Whether events of the target's own time that stand before it in the file count as
            its history (`order`), or not (`exclude`).
        timed: Whether the log's times are real, and not just an order.
        seen_targets: Whether targets that the training part does not have are left out, where
            every item of the training part is a candidate and no other.
        source: Where the protocol comes from.
        files: Roles of the raw files that it reads; all if empty.
    """

    labels: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ()
    left_out: ClassVar[tuple[str, ...]] = ()
    seen: ClassVar[str] = ""
    split: GlobalTime | LastSessions | OfficialTest | LeaveLastTwoOut
    negatives: Negatives | None = None
    last_per_user: int = 0
    min_history: int = 0
    ties: Literal["exclude", "order"] = "exclude"
    timed: bool = True
    seen_targets: bool = False
    source: str = "recbench"
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Targets:
    """The targets found in a chunk, in log order.

    Attributes:
        part: Part of each target, [M].
        position: Where in the log each target is, [M].
        history_start: Where in the log its history begins, [M].
        history_stop: Where in the log its history ends, [M].
    """

    part: NDArray[np.int8]
    position: Ints
    history_start: Ints
    history_stop: Ints


def find_targets(protocol: Protocol, chunk: LogChunk, part: NDArray[np.int8]) -> Targets:
    """Return the targets of a chunk whose events belong to the parts `part`."""
    index = np.arange(len(chunk.user))
    start = chunk.user_start
    stop = index
    if protocol.ties == "exclude":
        stop = _run_starts(_changes(chunk.user) | _changes(chunk.time))
    chosen = chunk.positive & (stop - start >= protocol.min_history)
    if protocol.last_per_user:
        chosen &= _last(chunk.user, part, chosen, protocol.last_per_user)
    found = np.flatnonzero(chosen)
    return Targets(
        part[found], found + chunk.start, start[found] + chunk.start, stop[found] + chunk.start
    )


def require_parts(counts: dict[str, int], name: str) -> None:
    """Raise `DataError` if a part of the split has no examples."""
    empty = [part for part, count in counts.items() if not count]
    if empty:
        raise DataError(
            f"{name}: the {' and '.join(empty)} part has no examples; the data spans too short a "
            "time or too few events for this protocol"
        )


def _last(user: Ints, part: NDArray[np.int8], chosen: Bools, n: int) -> Bools:
    """True where an event is among the last `n` chosen ones of its user and part, [N]."""
    kept = np.zeros_like(chosen)
    found = np.flatnonzero(chosen)
    if not len(found):
        return kept
    order = found[np.lexsort((found, part[found], user[found]))]
    starts = np.flatnonzero(_changes(user[order]) | _changes(part[order]))
    stops = np.append(starts[1:], len(order))
    left = np.repeat(stops, stops - starts) - np.arange(len(order))
    kept[order[left <= n]] = True
    return kept


def _changes(values: NDArray[np.generic]) -> Bools:
    """True where a value differs from the one before it; the first always does, [N]."""
    changed = np.ones(len(values), dtype=bool)
    changed[1:] = values[1:] != values[:-1]
    return changed


def _run_starts(changed: Bools) -> Ints:
    """For each place, the index where its run began, [N]."""
    return np.maximum.accumulate(np.where(changed, np.arange(len(changed)), 0))
