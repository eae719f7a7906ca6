"""The protocol of user cold start: existing and new users with existing and new items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.data.episode_split import EpisodeRows, EpisodeSplit, ranges
from recbench.data.protocol import PARTS
from recbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from recbench.data.ingest import RawLog

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
WARM = 0
"""The state of existing users with existing items."""


@dataclass(frozen=True)
class StatesProtocol:
    """Episodes of users in four states, as MeLU (Lee et al., KDD 2019) has them.

    Users are existing or new at random, items by when they came. A state holds the events of
    existing or new users with existing or new items. Of a user with `fewest` to `most` events in a
    state, `queries` at random are queries, and the rest is support; other users are in no episode.
    Users are halved at random: the queries of one half are validation, those of the other test, in
    every state.

    Existing users' events with existing items train, all but those queries; so the support of the
    state "warm" has been trained on, and that of the others has not. An existing user who has none
    is as unknown to training as a new one. In the training episode of a user, `queries` of the
    user's training rows at random are queries, but at most half of them; if fewer than
    `least_support` are left, there is no episode.

    Attributes:
        last: Items whose `came` is at most this exist; later ones are new. Those without a value
            exist.
        came: The item field, a number, that tells when an item came; no input, since new items
            have values that training lacks.
        new_users: Share of the users that is new.
        queries: Queries of an episode.
        fewest: Fewest events of a user in a state; more than `queries`.
        most: Most of them.
        least_support: Least support of a training episode.
        labels: The label of the card that is predicted.
        seed: Of all draws.
        source: Where the protocol comes from.

    Raises:
        UsageError: If an episode could be without support, or no user or every user is new.
    """

    files: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("warm", "new-items", "new-users", "new-both")
    timed: ClassVar[bool] = True
    caution: ClassVar[str] = ""
    seen: ClassVar[str] = (
        "training sees existing users with existing items alone, without the queries; support and "
        "queries are drawn at random, so that time orders neither them nor the parts"
    )
    last: int
    came: str = "year"
    new_users: float = 0.2
    queries: int = 10
    fewest: int = 13
    most: int = 100
    least_support: int = 3
    labels: tuple[str, ...] = ("rating",)
    seed: int = 2718
    source: str = (
        "Lee et al., MeLU: Meta-Learned User Preference Estimator for Cold-Start Recommendation, "
        "KDD 2019; queries of existing users are held out"
    )

    def __post_init__(self) -> None:
        """Refuse what makes no episodes."""
        for name, right in (
            ("new_users", 0 < self.new_users < 1),
            ("queries", self.queries > 0),
            ("fewest", self.queries < self.fewest <= self.most),
            ("least_support", self.least_support > 0),
        ):
            if not right:
                raise UsageError(f"{name} is {getattr(self, name)}, which makes no episodes")

    @property
    def left_out(self) -> tuple[str, ...]:
        """User and item fields that are no inputs."""
        return (self.came,)

    def episodes(self, log: RawLog) -> EpisodeSplit:
        """Return the episodes of a log.

        Raises:
            DataError: If items have no field `came`.
        """
        random = np.random.default_rng(self.seed)
        user, users = np.asarray(log.spool.columns["user"], np.int64), len(log.users)
        new_user = np.zeros(users, bool)
        new_user[random.permutation(users)[: round(self.new_users * users)]] = True
        tested = _half(new_user, random)
        state = 2 * new_user[user] + self._new_items(log)[log.spool.columns["item"]]
        order = np.lexsort((random.permutation(len(user)), user, state))
        bounds = np.flatnonzero(np.diff(state[order] * users + user[order])) + 1
        parts = {name: _Rows() for name in PARTS}
        left_out = [0] * len(self.states)
        for rows in np.split(order, bounds):
            own, asked, training = int(state[rows[0]]), 0, 0
            if self.fewest <= len(rows) <= self.most:
                asked, training = self.queries, self._asked(len(rows) - self.queries)
                part = parts["test" if tested[user[rows[0]]] else "valid"]
                part.add(rows[asked:], rows[:asked], own)
            elif own != WARM:
                left_out[own] += len(rows)
            if own == WARM:
                parts["train"].add(rows[asked + training :], rows[asked:][:training], WARM)
        none_learnt = np.zeros(len(log.items), bool)
        joined = {name: rows.joined() for name, rows in parts.items()}
        return EpisodeSplit(joined, none_learnt, self._reports(left_out))

    def _asked(self, rows: int) -> int:
        """Return how many of a user's training rows are queries of a training episode."""
        asked = min(self.queries, rows // 2)
        return asked if rows - asked >= self.least_support else 0

    def _new_items(self, log: RawLog) -> Bools:
        """Return whether each item is new, by raw number."""
        if self.came not in log.item_fields:
            raise DataError(f"the protocol needs '{self.came}' of items; the reader gives none")
        late = pc.greater(log.item_fields[self.came], self.last).fill_null(False)
        new: Bools = late.to_numpy(zero_copy_only=False)
        return new

    def _reports(self, left_out: list[int]) -> tuple[str, ...]:
        return tuple(
            f"{count:,} events of {name} left out: their user has not {self.fewest} to {self.most} "
            "of them"
            for name, count in zip(self.states, left_out, strict=True)
            if count
        )


class _Rows:
    """Rows and episodes of one part, as they are found."""

    def __init__(self) -> None:
        self._position = [np.empty(0, np.int64)]
        self._ranges: list[tuple[int, int, int, int]] = []
        self._count = 0

    def add(self, support: Ints, query: Ints, state: int) -> None:
        """Add rows, each kind in log order, and if some are queries an episode of them."""
        self._position += [np.sort(support), np.sort(query)]
        start, middle = self._count, self._count + len(support)
        self._count = middle + len(query)
        if len(query):
            self._ranges.append((state, start, middle, self._count))

    def joined(self) -> EpisodeRows:
        """Return them as columns."""
        return EpisodeRows(np.concatenate(self._position), ranges(self._ranges))


def _half(new: Bools, random: np.random.Generator) -> Bools:
    """Return whether each is in one half, drawn of those that are new and of those that are not."""
    chosen = np.zeros(len(new), bool)
    for kind in (new, ~new):
        places = random.permutation(np.flatnonzero(kind))
        chosen[places[: len(places) // 2]] = True
    return chosen
