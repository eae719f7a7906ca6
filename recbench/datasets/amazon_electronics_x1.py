"""AmazonElectronics_x1: reviews of electronics as the BARS leaderboards have them, after DIN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import BOOLEAN
from recbench.datasets import bars, own_histories

COLUMNS = {
    "label": BOOLEAN,
    **dict.fromkeys(("user_id", "item_id", "cate_id"), "INTEGER"),
    **dict.fromkeys(("item_history", "cate_history"), "VARCHAR"),
}
HISTORIES = {"item_history": "item", "cate_history": "category"}


class AmazonElectronicsX1(Dataset):
    """Comma-separated files with header, a row an item with what its user reviewed before."""

    api = 1
    card = Card(
        name="amazon-electronics-x1",
        version=1,
        title="Amazon Electronics 2014, AmazonElectronics_x1",
        task="ctr",
        **bars.release("AmazonElectronics_x1"),
        protocols=bars.PROTOCOLS,
        departures=bars.departures(),
        licence="research use",
        citation="McAuley et al., Image-based Recommendations on Styles and Substitutes, SIGIR "
        "2015; Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018; "
        f"{bars.BARS}",
        counts=({"targets": 2_608_764 + 384_806},),
        checksums={
            "train": "e9bf80b92985e463db18fdc753d347b5",
            "test": "57a20e82fe736dd495f2eaf0669bf6d0",
        },
        group="member",
        notes=(
            *bars.NOTES,
            "The test file has each user's last review and one negative; the training file has the "
            "earlier ones, in random order. So another training row's history may hold what a "
            "validation row asks for, and validation scores are no forecast of test scores.",
            "A user has two test rows: gAUC is a mean of 0, 0.5 and 1.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        own_histories.read_sequences(db, files, COLUMNS, "user_id", HISTORIES)
        own_histories.make_log(db, "label", "user_id", "item_id", "cate_id")
