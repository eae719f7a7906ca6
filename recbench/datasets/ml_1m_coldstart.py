"""MovieLens 1M for cold start, on which MeLU, Meta-Embedding and MWUF were tried."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.datasets import ml_1m, movielens, movielens_coldstart

LAST_YEAR = 1997
"""MeLU's: movies of 1998 and later are new, 733 of them."""
OLD, BATCH = 200, 20
"""CVAR's: 972 new movies, 19,440 ratings a phase."""


class MovieLens1MColdStart(Dataset):
    """ratings.dat, movies.dat and users.dat: columns separated by ::, Latin-1."""

    api = 1
    card = Card(
        name="ml-1m-coldstart",
        version=1,
        title="MovieLens 1M, cold start",
        task="cold-start",
        **movielens.archived(ml_1m.FILES, ml_1m.ARCHIVE),
        protocols=movielens_coldstart.protocols(LAST_YEAR, OLD, BATCH),
        departures=movielens_coldstart.DEPARTURES,
        source=ml_1m.SOURCE,
        licence=movielens.LICENCE,
        citation=movielens.CITATION,
        counts=ml_1m.COUNTS,
        sizes=ml_1m.SIZES,
        checksums=ml_1m.CHECKSUMS,
        notes=movielens_coldstart.NOTES,
        labels=movielens_coldstart.LABELS,
        optional=movielens_coldstart.OPTIONAL,
        folder="ml-1m",
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        ml_1m.read_files(db, files)
        movielens_coldstart.make_views(db, "string_split(genres, '|')", "age")
