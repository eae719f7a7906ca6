"""What a simulation keeps for its oracle while it is drawn."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.simulation.archive import ArchiveWriter
from recbench.datasets.simulation.behaviour_simulation import VERSION, BehaviourSimulation
from recbench.datasets.simulation.clock import DAY, DAYS
from recbench.datasets.simulation.walk import Ints, Walk
from recbench.datasets.simulation.world import World

VIEWS_PER_DAY = 5
"""The last page views of a user's day that are kept: those a split by time can make positives."""


class Recorder:
    """Writes, chunk by chunk, the state that the log odds of the last two days need."""

    def __init__(
        self, archive: ArchiveWriter, simulation: BehaviourSimulation, world: World
    ) -> None:
        """Write to `archive`."""
        self._archive, self._simulation, self._world = archive, simulation, world
        self._item_views = np.zeros(simulation.items, np.int64)
        self._interest_weight = np.zeros(simulation.categories)

    def add(self, walk: Walk, first_user: int) -> None:
        """Keep the state of a chunk whose users are `first_user` and those after it."""
        simulation = self._simulation
        time = walk.time[walk.is_view]
        views = np.bincount(walk.owner, minlength=len(walk.lengths))
        position = np.arange(len(time)) - (np.cumsum(views) - views)[walk.owner]
        kept = _last_of_two_days(walk.owner, time)
        self._archive.append(
            interests=walk.interests.astype(np.int32),
            tastes=walk.tastes.astype(np.uint8),
            views=views.astype(np.int32),
            items=walk.item.astype(np.uint16 if simulation.items <= 1 << 16 else np.uint32),
            event_user=(walk.owner[kept] + first_user).astype(np.int32),
            event_time=time[kept].astype(np.int32),
            event_position=position[kept].astype(np.int32),
            event_active=walk.active[kept].astype(np.int32),
        )
        self._item_views += np.bincount(walk.item, minlength=simulation.items)
        self._interest_weight += np.bincount(
            walk.interests.ravel(),
            np.tile(self._world.interests, len(walk.interests)),
            simulation.categories,
        )

    def finish(self) -> None:
        """Add what all users share."""
        self._archive.append(
            item_views=self._item_views,
            interest_share=self._interest_weight / self._simulation.users,
            **{f"world.{name}": array for name, array in vars(self._world).items()},
        )
        self._archive.append_json("version", VERSION)
        self._archive.append_json("simulation", asdict(self._simulation))


def _last_of_two_days(owner: Ints, time: Ints) -> NDArray[np.int64]:
    """Return the last `VIEWS_PER_DAY` page views of each user on each of the last two days."""
    group = owner * DAYS + time // DAY
    ends = np.flatnonzero(np.diff(group, append=-1)) + 1
    end = np.repeat(ends, np.diff(ends, prepend=0))
    late = time >= (DAYS - 2) * DAY
    return np.flatnonzero(late & (end - np.arange(len(group)) <= VIEWS_PER_DAY))
