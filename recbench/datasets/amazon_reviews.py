"""Amazon's reviews of 2014, 5-core: Electronics and Books, on which DIN and DIEN were tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import Protocol
from recbench.data.reading import read_csv
from recbench.datasets import amazon_2014
from recbench.datasets.amazon_records import read_records

ENCODED = Protocol(
    amazon_2014.TIME.split, amazon_2014.TIME.negatives, min_history=1, files=("encoded",)
)


def _card(name: str, category: str, interactions: int, users: int, items: int) -> Card:
    return Card(
        name=name,
        version=2,
        title=f"Amazon {category} 2014, 5-core",
        task="ctr",
        files=amazon_2014.files(category),
        downloads=amazon_2014.downloads(category),
        protocols={"time": amazon_2014.TIME, "din": amazon_2014.DIN, "dien": amazon_2014.DIEN},
        departures=amazon_2014.DEPARTURES,
        source=amazon_2014.SOURCE,
        licence=amazon_2014.LICENCE,
        citation=amazon_2014.CITATION,
        counts=({"interactions": interactions, "users": users, "items": items},),
        optional=amazon_2014.FIELDS,
        notes=amazon_2014.NOTES,
    )


ELECTRONICS = _card("amazon-electronics", "Electronics", 1_689_188, 192_403, 63_001)


class AmazonBooks(Dataset):
    """Reviews as JSON, a line each, and items as literals of Python's, likewise."""

    api = 1
    card = _card("amazon-books", "Books", 8_898_041, 603_668, 367_982)

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        read_records(db, files["reviews"], files["meta"])


class AmazonElectronics(Dataset):
    """The same two files, or one with coded ids: user_id,item_id,time,cate_id and a header."""

    api = 1
    card = dataclasses.replace(
        ELECTRONICS,
        files={**ELECTRONICS.files, "encoded": "amazon_electronics.csv"},
        protocols={**ELECTRONICS.protocols, "encoded": ENCODED},
        departures={**ELECTRONICS.departures, "encoded": amazon_2014.DEPARTURES["time"]},
        notes=(*amazon_2014.NOTES, "'encoded' is 'time' on one file that has numbers for ids."),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        if "encoded" not in files:
            read_records(db, files["reviews"], files["meta"])
            return
        columns = dict.fromkeys(("user", "item", "time", "category"), "BIGINT")
        read_csv(db, "lines", files["encoded"], columns, header=True)
        db.execute(
            """CREATE VIEW events AS SELECT * EXCLUDE (category) FROM lines;
            CREATE VIEW items AS SELECT item, min(category) AS category FROM lines GROUP BY item"""
        )
