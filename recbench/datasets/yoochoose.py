"""Yoochoose: clicks of a European shop, from the RecSys Challenge of 2015."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import OfficialTest, Protocol
from recbench.data.reading import read_csv
from recbench.datasets.session_files import FILES, SESSIONS, read_session_files
from recbench.datasets.session_selection import SOURCE, select_sessions

CLICKS = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source=SOURCE,
    files=("clicks",),
)
TEST_PAIRS = 55_898


def _card(share: int, train_pairs: int) -> Card:
    return Card(
        name=f"yoochoose-1-{share}",
        version=1,
        title=f"Yoochoose (RecSys Challenge 2015), the last 1/{share}",
        task="next-item",
        files={"clicks": "yoochoose-clicks.dat", **FILES},
        protocols={"clicks": CLICKS, "sessions": SESSIONS},
        source="s3-eu-west-1.amazonaws.com/yc-rdata/yoochoose-data.7z (RecSys Challenge 2015); "
        "files of sessions are made of it by the scripts of the papers",
        licence="CC BY-NC-ND 4.0",
        citation="Ben-Shimon et al., RecSys Challenge 2015 and the YOOCHOOSE Dataset, RecSys 2015",
        counts=({"pairs": train_pairs + TEST_PAIRS},),
        notes=(
            "Sessions of one click and items of fewer than five clicks are left out.",
            "The last day is test. Of the training part before it, the last "
            f"1/{share} of pairs of a history and its next item stay, in order of time.",
        ),
        sessions=True,
    )


class _Yoochoose(Dataset):
    """A click a line: session, time in ISO 8601, item, category; no header. Or a session a line."""

    api = 1
    share: ClassVar[int]

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`; the category, which is that of a page and not of an item, is left out."""
        if "clicks" not in files:
            read_session_files(db, files)
            return
        columns = {
            "session": "BIGINT",
            "clicked": "TIMESTAMP",
            "item": "BIGINT",
            "category": "VARCHAR",
        }
        read_csv(db, "lines", files["clicks"], columns)
        db.execute(
            """CREATE VIEW clicks AS
            SELECT row, session, item, epoch_ms(clicked) AS moment, moment AS date FROM lines"""
        )
        select_sessions(db, test_days=1, share=self.share)


class Yoochoose64(_Yoochoose):
    """The last 1/64 of the training part, and the test part."""

    share = 64
    card = _card(64, 369_859)


class Yoochoose4(_Yoochoose):
    """The last quarter of the training part, and the test part."""

    share = 4
    card = _card(4, 5_917_745)
