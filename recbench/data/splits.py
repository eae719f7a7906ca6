"""Splits: which part of a log each event belongs to.

Every rule works on a `LogChunk`, a run of whole users of the log ordered by (user, time, row), so
that a split needs memory for one chunk only, however long the log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recbench.errors import DataError

TRAIN, VALID, TEST = 0, 1, 2
DAY = 86_400

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class LogChunk:
    """Whole users of the log, perhaps all of them.

    Attributes:
        start: Position in the log of the chunk's first event.
        user: User of each event, ascending, [N].
        time: Seconds, ascending within a user's events of either kind of `history`, [N].
        positive: Whether the event can be a target, [N].
        testing: Whether the event belongs to the official test part, [N]; None if there is none.
        history: Whether the event can be in a history, [N]; those of a user that can come first.
            None if all can.
    """

    start: int
    user: Ints
    time: Ints
    positive: Bools
    testing: Bools | None = None
    history: Bools | None = None

    @property
    def user_start(self) -> Ints:
        """For each event, the index in the chunk of its user's first event, [N]."""
        return run_starts(changes(self.user))

    @property
    def user_stop(self) -> Ints:
        """For each event, the index in the chunk after its user's last event, [N]."""
        starts = np.flatnonzero(changes(self.user))
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
    utc_offset_hours: float = 0

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the whole log."""
        return self.moments(log.time)

    def moments(self, time: Ints) -> tuple[int, int]:
        """Return the first moment of validation and of test, given all times."""
        if self.unit == "share":
            valid, test = np.quantile(
                time, [1 - self.test - self.valid, 1 - self.test], method="higher"
            )
            return int(valid), int(test)
        shift = round(self.utc_offset_hours * 3600)
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

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the whole log."""
        end = int(log.time.max()) + 1
        return int(end - (self.test + self.valid) * DAY), int(end - self.test * DAY)

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        last = chunk.time[chunk.user_stop - 1]
        return np.searchsorted(np.array(boundaries), last, side="right").astype(np.int8)


@dataclass(frozen=True)
class LastSessionShares(LastSessions):
    """Whole sessions by the time of their last event; the latest of all events bound the parts.

    Attributes:
        valid: Share of the events from whose first moment on sessions are validation.
        test: Share of the events from whose first moment on sessions are test.
    """

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the whole log."""
        return GlobalTime(self.valid, self.test, "share").moments(log.time)


@dataclass(frozen=True)
class OfficialTest:
    """Test is what the publisher made it; the last users of the rest are validation.

    Attributes:
        valid: Share of the other users' events that is validation.
    """

    valid: float

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the moment from which users that begin later are validation."""
        rest = log.time if log.testing is None else log.time[~log.testing]
        return int(np.quantile(rest, 1 - self.valid, method="higher")), 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]; needs `chunk.testing`."""
        late = chunk.time[chunk.user_start] >= boundaries[0]
        part = np.where(_official(chunk), TEST, np.where(late, VALID, TRAIN))
        return part.astype(np.int8)


@dataclass(frozen=True)
class OfficialTestTwice:
    """Test is what the publisher made it, and validation is the very same; the rest trains.

    For no use but to see what published numbers owe to it.
    """

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return nothing of use: the publisher has drawn the line."""
        return 0, 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]; needs `chunk.testing`."""
        return np.where(_official(chunk), TEST, TRAIN).astype(np.int8)


@dataclass(frozen=True)
class LeaveLastTwoOut:
    """Each user's last event is test, the one before it validation, the rest train."""

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return nothing of use: every user has boundaries of their own."""
        return 0, 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        left = chunk.user_stop - np.arange(len(chunk.user))
        part: Ints = np.clip(TEST + 1 - left, TRAIN, TEST)
        return part.astype(np.int8)


@dataclass(frozen=True)
class UserShares:
    """Whole users at random: all events of a user are train, all validation or all test.

    Attributes:
        valid: Share of the users that is validation.
        test: Share of the users that is test.
        seed: Of the draw.
    """

    valid: float
    test: float
    seed: int = 2718

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the number of users, which are numbered from 0, and nothing else of use."""
        return int(log.user[-1]) + 1, 0

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        users, _ = boundaries
        valid, test = round(self.valid * users), round(self.test * users)
        part = np.full(users, TRAIN, np.int8)
        part[:valid] = VALID
        part[valid : valid + test] = TEST
        return np.random.default_rng(self.seed).permutation(part)[chunk.user]


@dataclass(frozen=True)
class UsersByLastEvent:
    """Whole users by the time of their last event: the latest users are test, then validation.

    A user whose last event is later than that of so many users is on the later side.

    Attributes:
        valid: Share of the users that is validation.
        test: Share of the users that is test.
    """

    valid: float
    test: float

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the first moment of a last event of validation and of test."""
        last = log.time[np.append(np.flatnonzero(changes(log.user))[1:], len(log.user)) - 1]
        early = np.quantile(last, [1 - self.test - self.valid, 1 - self.test])
        valid, test = np.floor(early).astype(np.int64) + 1
        return int(valid), int(test)

    def parts(self, chunk: LogChunk, boundaries: tuple[int, int]) -> NDArray[np.int8]:
        """Return the part that each event belongs to, [N]."""
        last = chunk.time[chunk.user_stop - 1]
        return np.searchsorted(np.array(boundaries), last, side="right").astype(np.int8)


def _official(chunk: LogChunk) -> Bools:
    """Return which events are of the official test part, [N]."""
    if chunk.testing is None:
        raise DataError("the protocol needs the official test part, and the reader gives none")
    return chunk.testing


def changes(values: NDArray[np.generic]) -> Bools:
    """True where a value differs from the one before it; the first always does, [N]."""
    changed = np.ones(len(values), dtype=bool)
    changed[1:] = values[1:] != values[:-1]
    return changed


def run_starts(changed: Bools) -> Ints:
    """For each place, the index where its run began, [N]."""
    return np.maximum.accumulate(np.where(changed, np.arange(len(changed)), 0))
