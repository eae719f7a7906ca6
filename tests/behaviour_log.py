"""A simulated log of behaviour, read back from its file, with the oracle beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pyarrow import csv

from recbench.datasets.simulated import SIZES, BehaviourSimulation, Oracle, simulate
from recbench.metrics import auc

TINY = SIZES["tiny"]
WORN = replace(TINY, items_per_cell=3)
"""A world so small that users meet whole cells and start them again."""
SILENT = replace(TINY, activity=0.0, order=0.0, taste=0.0)
MIDNIGHT = 1_511_539_200
DAY = 86_400


class Simulated(NamedTuple):
    """The log's columns, with where it lies and its oracle."""

    folder: Path
    oracle: Oracle
    user: np.ndarray
    item: np.ndarray
    category: np.ndarray
    behaviour: np.ndarray
    time: np.ndarray

    @property
    def is_view(self) -> np.ndarray:
        return self.behaviour == "pv"

    def last_views(self, day: int) -> np.ndarray:
        """Return the rows of each user's last five page views of a day."""
        rows = np.flatnonzero(self.is_view & ((self.time - MIDNIGHT) // DAY == day))
        user = self.user[rows]
        from_end = np.searchsorted(user, user, side="right") - np.arange(len(rows))
        return rows[from_end <= 5]

    def negatives(self, rows: np.ndarray) -> np.ndarray:
        """Draw for each row an item of another one that the row's user never met."""
        rng = np.random.default_rng(0)
        met = set(zip(self.user.tolist(), self.item.tolist(), strict=True))
        drawn = []
        for user in self.user[rows].tolist():
            item = int(rng.choice(self.item[rows]))
            while (user, item) in met:
                item = int(rng.choice(self.item[rows]))
            drawn.append(item)
        return np.array(drawn)

    def auc(self) -> float:
        """Return how well the oracle tells the last views of the last day from negatives."""
        rows = self.last_views(8)
        user, time = np.tile(self.user[rows], 2), np.tile(self.time[rows], 2)
        item = np.r_[self.item[rows], self.negatives(rows)]
        label = np.repeat([1, 0], len(rows))
        return auc(label, self.oracle.log_odds(user, time, item))


def simulate_log(simulation: BehaviourSimulation, folder: Path) -> Simulated:
    """Simulate a log into a folder and read it."""
    simulate(simulation, folder)
    names = ["user", "item", "category", "behaviour", "time"]
    table = csv.read_csv(
        folder / "UserBehavior.csv", read_options=csv.ReadOptions(column_names=names)
    )
    columns = (table[name].to_numpy(zero_copy_only=False) for name in names)
    return Simulated(folder, Oracle.load(folder), *columns)
