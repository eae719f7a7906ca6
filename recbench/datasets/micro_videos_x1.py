"""KuaiVideo_x1 and MicroVideo1.7M_x1: clicks on short videos as the BARS leaderboards have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.hdf5 import read_hdf5_vectors
from recbench.data.reading import BOOLEAN
from recbench.datasets import bars, own_histories

UNREAD = (
    "Videos shown and not clicked, a second history in the file, are not read; nor are likes, "
    "follows and the users' embeddings."
)
BOTH = "The models of BARS have a video's picture in place of its ID; here they have both."


class KuaiVideoX1(Dataset):
    """Comma-separated files with header, a row a video that was shown; an HDF5 file of pictures."""

    api = 1
    card = Card(
        name="kuaivideo-x1",
        version=2,
        title="KuaiVideo_x1 (Kuaishou, China MM 2018)",
        task="ctr",
        **bars.release("KuaiVideo_x1", pictures="item_visual_emb_dim64.h5"),
        protocols=bars.PROTOCOLS,
        departures=bars.departures(UNREAD),
        licence="research use",
        citation="Li et al., Routing Micro-videos via A Temporal Graph-guided Recommendation "
        f"System, MM 2019; {bars.BARS}",
        counts=({"targets": 10_931_092 + 2_730_291},),
        checksums={
            "train": "16f13734411532cc313caf2180bfcd56",
            "test": "ba26c01caaf6c65c272af11aa451fc7a",
        },
        group="member",
        notes=(
            *bars.NOTES,
            "A history is a user's clicks before the row, but the publisher kept the first 100 "
            "and not the last: that of an active user is old.",
            "A video's picture is the embedding of its thumbnail as published, 64 wide and frozen.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        _read_pictures(db, files)
        columns = {"user_id": "INTEGER", "item_id": "INTEGER"}
        columns |= {"is_click": BOOLEAN, "pos_items": "VARCHAR"}
        own_histories.read_sequences(db, files, columns, "user_id", {"pos_items": "item"})
        own_histories.make_log(db, "is_click", "user_id", "item_id")
        db.execute("CREATE VIEW items AS FROM pictures")


class MicroVideoX1(Dataset):
    """As those of KuaiVideo, user by user."""

    api = 1
    card = Card(
        name="microvideo-x1",
        version=2,
        title="MicroVideo1.7M_x1 (THACIL)",
        task="ctr",
        **bars.release("MicroVideo1.7M_x1", pictures="item_image_emb_dim64.h5"),
        protocols=bars.PROTOCOLS,
        departures=bars.departures(BOTH),
        licence="research use",
        citation="Chen et al., Temporal Hierarchical Attention at Category- and Item-Level for "
        f"Micro-Video Click-Through Prediction, MM 2018; {bars.BARS}",
        counts=({"targets": 8_970_309 + 3_767_308},),
        checksums={
            "train": "936e6612714c887e76226a60829b4e0a",
            "test": "9417a18304fb62411ac27c26c5e0de56",
        },
        group="member",
        notes=(
            *bars.NOTES,
            "The files are ordered by user; here the last tenth is by their column timestamp.",
            "Histories hold the last 128 clicks; those of the test file end with the training "
            "file. The videos of the test file are not in the training file.",
            "A video's picture is the embedding of its cover as published, 64 wide and frozen; the "
            "publisher fitted the PCA that made it so narrow on the test file's videos too.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        _read_pictures(db, files)
        columns = dict.fromkeys(("user_id", "item_id", "cate_id"), "INTEGER")
        columns |= {"is_click": BOOLEAN, "timestamp": "DOUBLE"}
        columns |= {"clicked_items": "VARCHAR", "clicked_categories": "VARCHAR"}
        histories = {"clicked_items": "item", "clicked_categories": "category"}
        own_histories.read_sequences(db, files, columns, "user_id", histories, '"timestamp"')
        own_histories.make_log(db, "is_click", "user_id", "item_id", "cate_id")
        db.execute(
            """ALTER TABLE items RENAME TO kinds;
            CREATE VIEW items AS FROM kinds LEFT JOIN pictures USING (item)"""
        )


def _read_pictures(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `pictures` of `item` and `picture`."""
    read_hdf5_vectors(db, "pictures", files["pictures"], "key", "value")
    db.execute("ALTER TABLE pictures RENAME vector TO picture")
