"""Protocols: how a log becomes train, validation and test examples.

Every rule works on a `LogChunk`, a run of whole users of the log ordered by (user, time, row), so
that a protocol needs memory for one chunk only, however long the log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recbench.data.splits import (
    DAY,
    TEST,
    TRAIN,
    VALID,
    GlobalTime,
    LastSessions,
    LeaveLastTwoOut,
    LogChunk,
    OfficialTest,
    OfficialTestTwice,
    UsersByLastEvent,
    UserShares,
    changes,
    run_starts,
)
from recbench.errors import DataError

__all__ = [
    "DAY",
    "PARTS",
    "TEST",
    "TRAIN",
    "VALID",
    "GlobalTime",
    "LastSessions",
    "LeaveLastTwoOut",
    "LogChunk",
    "Negatives",
    "OfficialTest",
    "OfficialTestTwice",
    "Protocol",
    "Targets",
    "UserShares",
    "UsersByLastEvent",
    "find_targets",
    "require_parts",
]

PARTS = ("train", "valid", "test")
SELECTED_ON_TEST = "models are selected on the test part itself: scores are too high"
"""The caution of protocols whose validation part is the test part."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Negatives:
    """Examples of no click, drawn once and stored with the split.

    Attributes:
        distribution: `popularity`: as often as an item is a positive of the same part; `log`: as
            often as it is in the whole log, test part included; `uniform`: every item of the log
            alike.
        per_positive: How many for each positive.
        seed: Of the draw.
        never: What is not drawn: an item that the user has anywhere in the `log`, or just the
            `target` itself.
        replace: Chance that the one negative takes the place of its positive; with 0 it stands
            beside it.
    """

    distribution: Literal["popularity", "log", "uniform"]
    per_positive: int = 1
    seed: int = 2718
    never: Literal["log", "target"] = "log"
    replace: float = 0.0

    def __post_init__(self) -> None:
        """Raise `ValueError` if several negatives are to take one place."""
        if self.replace and self.per_positive != 1:
            raise ValueError("replace: needs per_positive=1, since a target has one place")


@dataclass(frozen=True)
class Protocol:
    """How examples are made from a log.

    Attributes:
        labels: None to choose from, as tables and cold start have.
        states: None: nothing is judged apart.
        seen: Nothing to say of what training sees that its name does not say.
        split: Which part an event belongs to.
        negatives: How examples of no click are drawn; None where the log has labels, and for
            tasks that need none.
        last_per_user: At most so many targets of a user in each part, the latest; 0 for all.
        min_history: A target needs at least so many events before it.
        ties: Whether events of the target's own time that stand before it in the file count as
            its history (`order`), or not (`exclude`). Where targets are in no history, `order`
            takes all events of its time.
        timed: Whether the log's times are real, and not just an order.
        seen_targets: Whether targets that the training part does not have are left out, where
            every item of the training part is a candidate and no other.
        source: Where the protocol comes from.
        files: Roles of the raw files that it reads; all if empty.
        any_target: Whether every event can be a target, whatever the log's `positive` says.
        left_out: User and item fields that are no inputs.
    """

    labels: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ()
    seen: ClassVar[str] = ""
    split: (
        GlobalTime
        | LastSessions
        | OfficialTest
        | OfficialTestTwice
        | LeaveLastTwoOut
        | UserShares
        | UsersByLastEvent
    )
    negatives: Negatives | None = None
    last_per_user: int = 0
    min_history: int = 0
    ties: Literal["exclude", "order"] = "exclude"
    timed: bool = True
    seen_targets: bool = False
    source: str = "recbench"
    files: tuple[str, ...] = ()
    any_target: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def selects_on_test(self) -> bool:
        """Whether validation is the test part itself."""
        return isinstance(self.split, OfficialTestTwice)

    @property
    def caution(self) -> str:
        """What must be said beside every score; empty if nothing."""
        return SELECTED_ON_TEST if self.selects_on_test else ""


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
    if chunk.history is not None:
        stop = _history_stop(
            chunk, chunk.history, "left" if protocol.ties == "exclude" else "right"
        )
    elif protocol.ties == "exclude":
        stop = run_starts(changes(chunk.user) | changes(chunk.time))
    chosen = (chunk.positive | protocol.any_target) & (stop - start >= protocol.min_history)
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


def _history_stop(chunk: LogChunk, history: Bools, side: Literal["left", "right"]) -> Ints:
    """For each event, the index after its user's last event of a history before its time, [N].

    Events of its own time are after it with the side `left`, and before it with `right`.
    """
    owner = np.cumsum(changes(chunk.user))
    first = int(chunk.time.min())
    span = int(chunk.time.max()) - first + 1
    moment = owner * span + (chunk.time - first)  # ascends over all events that can be in histories
    known = moment[history]
    earlier_users = np.searchsorted(known, owner * span)
    stop: Ints = chunk.user_start + np.searchsorted(known, moment, side) - earlier_users
    return stop


def _last(user: Ints, part: NDArray[np.int8], chosen: Bools, n: int) -> Bools:
    """True where an event is among the last `n` chosen ones of its user and part, [N]."""
    kept = np.zeros_like(chosen)
    found = np.flatnonzero(chosen)
    if not len(found):
        return kept
    order = found[np.lexsort((found, part[found], user[found]))]
    starts = np.flatnonzero(changes(user[order]) | changes(part[order]))
    stops = np.append(starts[1:], len(order))
    left = np.repeat(stops, stops - starts) - np.arange(len(order))
    kept[order[left <= n]] = True
    return kept
