"""MovieLens latest-small: about 100,000 ratings between 1995 and 2018."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.datasets import movielens

ARCHIVE = movielens.archive(
    "ml-latest-small.zip",
    978_202,
    "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
)
CARD = Card(
    name="ml-latest-small",
    version=1,
    title="MovieLens latest-small",
    task="ctr",
    **movielens.archived({"ratings": "ratings.csv", "movies": "movies.csv"}, ARCHIVE),
    protocols=movielens.PROTOCOLS,
    departures=movielens.DEPARTURES,
    source="files.grouplens.org/datasets/movielens/ml-latest-small.zip",
    licence=movielens.LICENCE,
    citation=movielens.CITATION,
    counts=(
        {"interactions": 100_004, "users": 671, "items": 9_066},  # released in October 2016
        {"interactions": 100_836, "users": 610, "items": 9_724},  # released in September 2018
    ),
    notes=movielens.NOTES,
)


class MovieLensLatestSmall(Dataset):
    """ratings.csv and movies.csv, comma-separated with a header."""

    api = 1
    card = CARD

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        movielens.read_comma_separated(db, files)
        movielens.make_views(db)
