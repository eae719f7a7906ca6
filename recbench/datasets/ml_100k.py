"""MovieLens 100K: 100,000 ratings of 1997 and 1998, with user profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import read_csv
from recbench.datasets import movielens

GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
ARCHIVE = movielens.archive(
    "ml-100k.zip", 4_924_029, "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
)
CARD = Card(
    name="ml-100k",
    version=1,
    title="MovieLens 100K",
    task="ctr",
    **movielens.archived({"ratings": "u.data", "movies": "u.item", "users": "u.user"}, ARCHIVE),
    protocols=movielens.PROTOCOLS,
    departures=movielens.DEPARTURES,
    source="files.grouplens.org/datasets/movielens/ml-100k.zip",
    licence=movielens.LICENCE,
    citation=movielens.CITATION,
    counts=({"interactions": 100_000, "users": 943, "items": 1_682},),
    time_range=(874_000_000, 894_000_000),
    notes=movielens.NOTES,
)


class MovieLens100K(Dataset):
    """u.data (tab-separated ratings), u.item and u.user (pipe-separated, Latin-1)."""

    api = 1
    card = CARD

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        read_files(db, files)
        first = " ".join(f"WHEN genre{n} = 1 THEN '{name}'" for n, name in enumerate(GENRES))
        db.execute(
            f"""CREATE VIEW events AS SELECT *, rating >= {movielens.LIKED} AS label FROM ratings;
            CREATE VIEW items AS SELECT item, CASE {first} END AS category FROM movies;
            CREATE VIEW users AS SELECT user, gender, occupation, age // 10 AS decade FROM profiles
            """  # noqa: S608
        )


def read_files(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `ratings`, `movies` and `profiles`, as the files have them."""
    read_csv(db, "ratings", files["ratings"], movielens.RATING, delimiter="\t")
    about = dict.fromkeys(("title", "released", "video", "url"), "VARCHAR")
    flags = {f"genre{number}": "TINYINT" for number in range(len(GENRES))}
    movie = {"item": "BIGINT", **about, **flags}
    read_csv(db, "movies", files["movies"], movie, delimiter="|", encoding="latin-1")
    user = {"user": "BIGINT", "age": "INTEGER", "gender": "VARCHAR", "occupation": "VARCHAR"}
    user |= {"zip": "VARCHAR"}
    read_csv(db, "profiles", files["users"], user, delimiter="|", encoding="latin-1")
