"""MovieLens 20M: twenty million ratings between 1995 and 2015, split as DIN's paper does too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import Protocol, UserShares
from recbench.datasets import movielens

FILES = {"ratings": "ratings.csv", "movies": "movies.csv"}
ARCHIVE = movielens.archive(
    "ml-20m.zip", 198_702_078, "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3"
)
USERS, TEST_USERS, VALID_USERS = 138_493, 38_493, 10_000
"""Users in all, and of them the paper's number for test, and ours for validation."""
DIN = Protocol(
    UserShares(valid=VALID_USERS / USERS, test=TEST_USERS / USERS),
    source="Zhou et al., Deep Interest Network, KDD 2018, section 6.1; validation added, of the "
    "paper's training users",
)
DEPARTURES = (
    "Of the paper's 100,000 training users 10,000 are validation. Who is of which part is drawn "
    "with a seed of recbench's.",
    "Items are the 26,744 movies with a rating, and not all 27,278 of the file, which the paper "
    "counts.",
)


class MovieLens20M(Dataset):
    """ratings.csv and movies.csv, comma-separated with a header."""

    api = 1
    card = Card(
        name="ml-20m",
        version=1,
        title="MovieLens 20M",
        task="ctr",
        **movielens.archived(FILES, ARCHIVE),
        protocols={**movielens.PROTOCOLS, "din": DIN},
        departures={**movielens.DEPARTURES, "din": DEPARTURES},
        source="files.grouplens.org/datasets/movielens/ml-20m.zip",
        licence=movielens.LICENCE,
        citation=movielens.CITATION,
        counts=({"interactions": 20_000_263, "users": USERS, "items": 26_744},),
        notes=(
            *movielens.NOTES,
            "With the protocol 'din' no user is in two parts, and training ratings are as late as "
            "test ratings.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        movielens.read_comma_separated(db, files)
        movielens.make_views(db)
