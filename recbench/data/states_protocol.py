"""The protocol of user cold start: existing and new users with existing and new items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.data.episode_split import EpisodeRows, EpisodeSplit, ranges

if TYPE_CHECKING:
    from recbench.data.ingest import RawLog

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
WARM = 0


@dataclass(frozen=True)
class StatesProtocol:
    """Episodes of users in four states, as MeLU (Lee et al., KDD 2019) has them.

    Users are existing or new at random, items by when they came. A state holds the events of
    existing or new users with existing or new items. Of a user with `fewest` to `most` events in a
    state, `queries` at random are queries, and the rest is support; other users are in no episode.

    Existing users' events with existing items train, all but those queries. In the training episode
    of a user, the queries are `queries` of the training rows at random, but at most half of them;
    if fewer than `least_support` are left, there is no episode. Users are halved at random: the
    queries of one half are validation, those of the other test, in every state.

    Attributes:
        last: Items whose `came` is at most this exist; later ones are new. Those without a value
            exist.
        came: The item field, a number, that tells when an item came.
        new_users: Share of the users that is new.
        queries: Queries of an episode.
        fewest: Fewest events of a user in a state; more than `queries`.
        most: Most of them.
        least_support: Least support of a training episode.
        labels: The label of the card that is predicted.
        left_out: User and item fields that are no inputs; `came` tells new items apart.
        seed: Of all draws.
        source: Where the protocol comes from.
    """

    files: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("warm", "new-items", "new-users", "new-both")
    timed: ClassVar[bool] = True
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
    left_out: tuple[str, ...] = ("year",)
    seed: int = 2718
    source: str = (
        "Lee et al., MeLU: Meta-Learned User Preference Estimator for Cold-Start Recommendation, "
        "KDD 2019; queries of existing users are held out"
    )

    def episodes(self, log: RawLog) -> EpisodeSplit:
        """Return the episodes of a log."""
        random = np.random.default_rng(self.seed)
        columns, users = log.spool.columns, len(log.users)
        new_user = np.zeros(users, bool)
        new_user[random.permutation(users)[: round(self.new_users * users)]] = True
        tested = _half(new_user, random)
        late = pc.greater(log.item_fields[self.came], self.last).fill_null(False)
        new_item = late.to_numpy(zero_copy_only=False)
        user = np.asarray(columns["user"], np.int64)
        state = 2 * new_user[user] + 1 * new_item[columns["item"]]
        order = np.lexsort((random.permutation(len(user)), user, state))
        found = _Parts(len(self.states))
        bounds = np.flatnonzero(np.diff(state[order] * users + user[order])) + 1
        for rows in np.split(order, bounds):
            self._add(found, int(state[rows[0]]), bool(tested[user[rows[0]]]), rows)
        return EpisodeSplit(
            {name: rows.joined() for name, rows in found.parts.items()},
            np.zeros(len(log.items), bool),
            self._reports(found.left_out),
        )

    def _add(self, found: _Parts, state: int, tested: bool, rows: Ints) -> None:
        """Add a user's events in one state, in random order, to the parts they belong to."""
        if not self.fewest <= len(rows) <= self.most:
            if state == WARM:
                found.parts["train"].add(rows)
            else:
                found.left_out[state] += len(rows)
            return
        query, support = rows[: self.queries], rows[self.queries :]
        found.parts["test" if tested else "valid"].add(support, query, state)
        if state == WARM:
            asked = min(self.queries, len(support) // 2)
            if len(support) - asked < self.least_support:
                found.parts["train"].add(support)
            else:
                found.parts["train"].add(support[asked:], support[:asked], state)

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
        self.position: list[Ints] = []
        self.ranges: list[tuple[int, int, int, int]] = []
        self._count = 0

    def add(self, support: Ints, query: Ints | None = None, state: int = WARM) -> None:
        """Add rows, and if some are queries an episode of them; each kind in log order."""
        self.position.append(np.sort(support))
        start, self._count = self._count, self._count + len(support)
        if query is not None:
            self.position.append(np.sort(query))
            middle, self._count = self._count, self._count + len(query)
            self.ranges.append((state, start, middle, self._count))

    def joined(self) -> EpisodeRows:
        """Return them as columns."""
        none = np.empty(0, np.int64)
        return EpisodeRows(np.concatenate([none, *self.position]), ranges(self.ranges))


class _Parts:
    """All parts, and how many events of each state are in none."""

    def __init__(self, states: int) -> None:
        self.parts = {name: _Rows() for name in ("train", "valid", "test")}
        self.left_out = [0] * states


def _half(new: Bools, random: np.random.Generator) -> Bools:
    """Return whether each is in one half, drawn of those that are new and of those that are not."""
    chosen = np.zeros(len(new), bool)
    for kind in (new, ~new):
        places = random.permutation(np.flatnonzero(kind))
        chosen[places[: len(places) // 2]] = True
    return chosen
