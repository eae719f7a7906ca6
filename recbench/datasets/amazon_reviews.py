"""Amazon's reviews of 2014, 5-core: Electronics and Books, on which DIN and DIEN were tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset, Download
from recbench.data.protocol import GlobalTime, LeaveLastTwoOut, Negatives, Protocol, UserShares
from recbench.data.reading import read_csv
from recbench.datasets.amazon_records import read_records

FILES = ("reviews", "meta")
TIME = Protocol(
    GlobalTime(valid=0.1, test=0.1, unit="share"),
    Negatives("popularity"),
    min_history=1,
    files=FILES,
)
DIN = Protocol(
    LeaveLastTwoOut(),
    Negatives("uniform"),
    min_history=1,
    ties="order",
    source="Zhou et al., Deep Interest Network, KDD 2018, section 6.1; validation added",
    files=FILES,
)
DIEN = Protocol(
    UserShares(valid=0.1, test=0.1),
    Negatives("log", never="target"),
    last_per_user=1,
    min_history=1,
    ties="order",
    source="Zhou et al., Deep Interest Evolution Network, AAAI 2019, and its authors' code; "
    "validation added, of users that would be for training",
    files=FILES,
)
ENCODED = Protocol(TIME.split, TIME.negatives, min_history=1, files=("encoded",))
SOURCE = "snap.stanford.edu/data/amazon/productGraph/categoryFiles"
LICENCE = "research use"
CITATION = "McAuley et al., Image-based Recommendations on Styles and Substitutes, SIGIR 2015"
NOTES = (
    "A review is a click, whatever its stars.",
    "Times are days. Reviews of the target's own day are no history with 'time'; with the papers' "
    "protocols a user's reviews of one day stay in the order of the file.",
    "An item's category is the last of the first list of its categories; brand and price are left "
    "out, as in the papers.",
    "With the papers' protocols training reviews are as late as test reviews. A negative of 'dien' "
    "may be an item that the user has reviewed, and is drawn by what is popular in the whole log.",
)


def files(category: str) -> dict[str, str]:
    """Return the names of the files of reviews and of items of a category."""
    return {"reviews": f"reviews_{category}_5.json", "meta": f"meta_{category}.json"}


def downloads(category: str) -> tuple[Download, ...]:
    """Return the files of reviews and of items; no checksum of them is published."""
    names = (f"{name}.gz" for name in files(category).values())
    return tuple(
        Download(name, (f"https://{SOURCE}/{name}", f"http://{SOURCE}/{name}")) for name in names
    )


def _card(name: str, category: str, interactions: int, users: int, items: int) -> Card:
    return Card(
        name=name,
        version=1,
        title=f"Amazon {category} 2014, 5-core",
        task="ctr",
        files=files(category),
        downloads=downloads(category),
        protocols={"time": TIME, "din": DIN, "dien": DIEN},
        source=SOURCE,
        licence=LICENCE,
        citation=CITATION,
        counts=({"interactions": interactions, "users": users, "items": items},),
        notes=NOTES,
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
        notes=(*NOTES, "'encoded' is 'time' on one file that has numbers for ids."),
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
