"""What the MovieLens datasets have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from recbench.data import Download
from recbench.data.protocol import GlobalTime, Protocol
from recbench.data.reading import read_csv

LIKED = 4
"""The lowest rating that counts as a click."""

PROTOCOLS = {"time": Protocol(GlobalTime(valid=0.1, test=0.1, unit="share"))}
DEPARTURES = {
    "time": (
        "One moment separates the parts for all, where ratings are mostly split at random or user "
        "by user, so that training sees what comes after a test rating.",
    )
}
LICENCE = "GroupLens terms: research use, no redistribution"
CITATION = "Harper and Konstan, The MovieLens Datasets, ACM TiiS 2015"
NOTES = (
    "A rating of 4 or more is a click; 3.5 is not.",
    "A movie's category is its first genre.",
    "The history holds every movie rated before, liked or not; ratings of the target's own second "
    "are left out of it.",
)
SITE = "https://files.grouplens.org/datasets/movielens/"
RATING = {"user": "BIGINT", "item": "BIGINT", "rating": "DOUBLE", "time": "BIGINT"}
"""Columns of a rating, in the order of all releases."""


def read_comma_separated(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `ratings` and `movies` of ratings.csv and movies.csv, which have a header."""
    read_csv(db, "ratings", files["ratings"], RATING, header=True)
    movie = {"item": "BIGINT", "title": "VARCHAR", "genres": "VARCHAR"}
    read_csv(db, "movies", files["movies"], movie, header=True, quote='"')


def make_views(db: duckdb.DuckDBPyConnection) -> None:
    """Make `events` and `items` of `ratings` and `movies`, whose genres are separated by |."""
    db.execute(
        f"""CREATE VIEW events AS SELECT *, rating >= {LIKED} AS label FROM ratings;
        CREATE VIEW items AS SELECT item, split_part(genres, '|', 1) AS category FROM movies"""  # noqa: S608
    )


def archived(files: Mapping[str, str], download: Download) -> dict[str, Any]:
    """Return the fields of a card, all of whose files lie in one archive that can be downloaded."""
    archives = dict.fromkeys(files, download.file)
    return {"files": files, "archives": archives, "downloads": (download,)}


def archive(file: str, size: int, sha256: str) -> Download:
    """Return one of GroupLens' archives; the checksums are those of TensorFlow Datasets."""
    return Download(file, (SITE + file,), sha256=sha256, bytes=size)
