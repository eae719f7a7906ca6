"""MovieLens 1M for cold start, on which MeLU, Meta-Embedding and MWUF were tried."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import read_csv
from recbench.datasets import movielens, movielens_coldstart

FILES = {"ratings": "ratings.dat", "movies": "movies.dat", "users": "users.dat"}
ARCHIVE = movielens.archive(
    "ml-1m.zip", 5_917_549, "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"
)
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
        **movielens.archived(FILES, ARCHIVE),
        protocols=movielens_coldstart.protocols(LAST_YEAR, OLD, BATCH),
        source="files.grouplens.org/datasets/movielens/ml-1m.zip",
        licence=movielens.LICENCE,
        citation=movielens.CITATION,
        counts=({"interactions": 1_000_209, "users": 6_040, "items": 3_706},),
        notes=movielens_coldstart.NOTES,
        labels=movielens_coldstart.LABELS,
        optional=movielens_coldstart.OPTIONAL,
        folder="ml-1m",
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        rating = {"user": "BIGINT", "item": "BIGINT", "rating": "DOUBLE", "time": "BIGINT"}
        movie = {"item": "BIGINT", "title": "VARCHAR", "genres": "VARCHAR"}
        user = {"user": "BIGINT", "gender": "VARCHAR", "age": "INTEGER", "occupation": "INTEGER"}
        user |= {"zip": "VARCHAR"}
        for table, role, columns in (
            ("ratings", "ratings", rating),
            ("movies", "movies", movie),
            ("profiles", "users", user),
        ):
            read_csv(db, table, files[role], columns, delimiter="::", encoding="latin-1")
        movielens_coldstart.make_views(db, "string_split(genres, '|')", "age")
