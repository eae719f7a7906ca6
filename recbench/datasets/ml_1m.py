"""MovieLens 1M: a million ratings of 2000 to 2003, with user profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import read_csv
from recbench.datasets import movielens

FILES = {"ratings": "ratings.dat", "movies": "movies.dat", "users": "users.dat"}
ARCHIVE = movielens.archive(
    "ml-1m.zip", 5_917_549, "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"
)
SOURCE = "files.grouplens.org/datasets/movielens/ml-1m.zip"
SIZES = {"ratings": 24_594_131, "movies": 171_308, "users": 134_368}
"""Copies of movies.dat in other places lack some of the movies."""
CHECKSUMS = {"users": "681c0711d0d4548cd3d4718a49c2dcd8"}
COUNTS = ({"interactions": 1_000_209, "users": 6_040, "items": 3_706},)


class MovieLens1M(Dataset):
    """ratings.dat, movies.dat and users.dat: columns separated by ::, Latin-1."""

    api = 1
    card = Card(
        name="ml-1m",
        version=1,
        title="MovieLens 1M",
        task="ctr",
        **movielens.archived(FILES, ARCHIVE),
        protocols=movielens.PROTOCOLS,
        departures=movielens.DEPARTURES,
        source=SOURCE,
        licence=movielens.LICENCE,
        citation=movielens.CITATION,
        counts=COUNTS,
        sizes=SIZES,
        checksums=CHECKSUMS,
        notes=(*movielens.NOTES, "A user's age is one of seven groups, as published."),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        read_files(db, files)
        movielens.make_views(db)
        db.execute("CREATE VIEW users AS SELECT user, gender, age, occupation FROM profiles")


def read_files(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `ratings`, `movies` and `profiles`, as the files have them."""
    movie = {"item": "BIGINT", "title": "VARCHAR", "genres": "VARCHAR"}
    user = {"user": "BIGINT", "gender": "VARCHAR", "age": "INTEGER", "occupation": "INTEGER"}
    user |= {"zip": "VARCHAR"}
    for table, role, columns in (
        ("ratings", "ratings", movielens.RATING),
        ("movies", "movies", movie),
        ("profiles", "users", user),
    ):
        read_csv(db, table, files[role], columns, delimiter="::", encoding="latin-1")
