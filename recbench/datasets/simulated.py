"""A simulated Taobao UserBehavior whose probabilities, and so the attainable AUC, are known.

Its file has the real file's format. Each mechanism that a sequence model's paper claims to use
is planted with a strength of its own (`BehaviourSimulation`): which interest is active decides what
in the history matters (DIN, Zhou et al., KDD 2018), views of a category follow an order (DIEN, Zhou
et al., AAAI 2019), and a taste within a category lasts for life and is needed again when an old
interest returns (SIM, Pi et al., CIKM 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from recbench.datasets.simulation.archive import ArchiveWriter
from recbench.datasets.simulation.behaviour_simulation import VERSION, BehaviourSimulation
from recbench.datasets.simulation.clock import START
from recbench.datasets.simulation.oracle import ORACLE_FILE, Oracle, Terms
from recbench.datasets.simulation.recorder import Recorder
from recbench.datasets.simulation.walk import BEHAVIOURS, Walk, draw_walk
from recbench.datasets.simulation.world import World

__all__ = ["CSV_FILE", "SIZES", "VERSION", "Oracle", "BehaviourSimulation", "Terms", "simulate"]

CSV_FILE = "UserBehavior.csv"
SIZES: dict[str, BehaviourSimulation] = {
    "tiny": BehaviourSimulation(
        users=600, mean_events=60, categories=12, stages=3, brands=3, interests=6
    ),
    "small": BehaviourSimulation(users=15_000, mean_events=170, categories=20),
    "medium": BehaviourSimulation(users=50_000, mean_events=200, categories=48),
    "full": BehaviourSimulation(
        users=1_000_000, mean_events=100, categories=240, items_per_cell=100
    ),
}
"""The sizes on offer: about 36 thousand, 2.5, 10 and 100 million events."""

_CHUNK_USERS = 4096
_SCHEMA = pa.schema(
    [
        ("user", pa.int64()),
        ("item", pa.int64()),
        ("category", pa.int64()),
        ("behaviour", pa.string()),
        ("time", pa.int64()),
    ]
)


def simulate(
    simulation: BehaviourSimulation, folder: Path, progress: Callable[[float], None] | None = None
) -> None:
    """Write `UserBehavior.csv` and `oracle.npz` to `folder`.

    Memory is bounded by a chunk of users, whatever the size. The files appear when they are
    whole, the CSV last; those of an earlier simulation are replaced.

    Args:
        simulation: What to simulate; equal simulations write equal bytes.
        folder: Where to write; made if it does not exist.
        progress: Called with the share of users written, up to 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f"{name}.part" for name in (ORACLE_FILE, CSV_FILE)}
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    seeds = np.random.SeedSequence(simulation.seed)
    world = World.build(simulation, seeds.spawn(1)[0])
    with (
        ArchiveWriter(parts[ORACLE_FILE]) as archive,
        csv.CSVWriter(parts[CSV_FILE], _SCHEMA, write_options=options) as file,
    ):
        recorder = Recorder(archive, simulation, world)
        for first, walk in _walks(simulation, world, seeds):
            recorder.add(walk, first)
            file.write_table(_table(simulation, world, walk, first))
            if progress:
                progress((first + len(walk.lengths)) / simulation.users)
        recorder.finish()
    for name, part in parts.items():
        part.replace(folder / name)


def _walks(
    simulation: BehaviourSimulation, world: World, seeds: np.random.SeedSequence
) -> Iterator[tuple[int, Walk]]:
    """Yield each chunk of users with the index of its first user."""
    for first in range(0, simulation.users, _CHUNK_USERS):
        users = min(_CHUNK_USERS, simulation.users - first)
        yield first, draw_walk(simulation, world, users, np.random.default_rng(seeds.spawn(1)[0]))


def _table(simulation: BehaviourSimulation, world: World, walk: Walk, first: int) -> pa.Table:
    """Return the events of a chunk as rows of the file."""
    item = walk.item[walk.view]
    category = item // (simulation.items_per_cell * simulation.cells_per_category)
    user = first + np.arange(len(walk.lengths))
    return pa.table(
        [
            np.repeat(world.user_ids[user], walk.lengths),
            world.item_ids[item],
            world.category_ids[category],
            pa.array(BEHAVIOURS).take(pa.array(walk.behaviour)),
            START + walk.time,
        ],
        schema=_SCHEMA,
    )
