"""MovieLens 100K for cold start: new users with few ratings, new movies with few ratings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.datasets import ml_100k, movielens, movielens_coldstart
from recbench.datasets.ml_100k import GENRES
from recbench.datasets.movielens_coldstart import AGES, make_views
from recbench.datasets.simulated_ratings import SIZES, simulate_ratings
from recbench.datasets.simulation.rating_simulation import VERSION
from recbench.progress import Progress

LAST_YEAR = 1995
"""17 % of the movies are later; the next best year would be 1994, with 35 %."""
OLD, BATCH = 100, 10
"""334 movies are old and 472 are new: half the size of MovieLens 1M's, so half its numbers."""
SMALLER = {
    "states": "The paper's data are MovieLens 1M, where movies are new from 1998 on; here it is "
    "from 1996 on.",
    "phases": "The paper's data are MovieLens 1M, with twice the number of ratings of old items "
    "and of a phase.",
}


class MovieLens100KColdStart(Dataset):
    """u.data, u.item and u.user, as `ml-100k` reads them."""

    api = 1
    card = Card(
        name="ml-100k-coldstart",
        version=1,
        title="MovieLens 100K, cold start",
        task="cold-start",
        **movielens.archived(ml_100k.CARD.files, ml_100k.ARCHIVE),
        protocols=movielens_coldstart.protocols(LAST_YEAR, OLD, BATCH),
        departures={
            name: (*each, SMALLER[name]) for name, each in movielens_coldstart.DEPARTURES.items()
        },
        source=ml_100k.CARD.source,
        licence=movielens.LICENCE,
        citation=movielens.CITATION,
        counts=ml_100k.CARD.counts,
        time_range=ml_100k.CARD.time_range,
        simulated_sizes={size: vars(constants) for size, constants in SIZES.items()},
        simulator_version=VERSION,
        notes=movielens_coldstart.NOTES,
        labels=movielens_coldstart.LABELS,
        optional=movielens_coldstart.OPTIONAL,
        folder="ml-100k",
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        ml_100k.read_files(db, files)
        flags = ", ".join(
            f"CASE WHEN genre{n} = 1 THEN '{name}' END" for n, name in enumerate(GENRES)
        )
        ages = "".join(f"WHEN age >= {first} THEN {first} " for first in reversed(AGES))
        make_views(
            db, f"list_filter([{flags}], lambda name: name IS NOT NULL)", f"CASE {ages}ELSE 1 END"
        )

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write simulated files."""
        simulate_ratings(SIZES[size], folder)
        return {role: folder / name for role, name in self.card.files.items()}
