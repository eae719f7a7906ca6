"""Yoochoose: clicks of a European shop, from the RecSys Challenge of 2015."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import duckdb

from recbench.data import Card, Dataset, Download
from recbench.data.protocol import OfficialTest, Protocol
from recbench.data.reading import read_csv
from recbench.datasets.session_files import DEPARTURES, FILES, SESSIONS, read_session_files
from recbench.datasets.session_selection import SOURCE, select_sessions

CLICKS = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source=SOURCE,
    files=("clicks",),
)
STAMP = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source="the released script of STAMP (Liu et al., KDD 2018), which takes the last clicks by "
    "the number of their session, whole sessions alone. Otherwise " + SOURCE,
    files=("rows",),
)
FILE = "yoochoose-clicks.dat"
SITE = "s3-eu-west-1.amazonaws.com/yc-rdata"
ARCHIVE = "yoochoose-data.7z"
TEST_PAIRS = 55_898


def _card(share: int, train_pairs: int, stamp_items: int) -> Card:
    return Card(
        name=f"yoochoose-1-{share}",
        version=1,
        title=f"Yoochoose (RecSys Challenge 2015), the last 1/{share}",
        task="next-item",
        files={"clicks": FILE, "rows": FILE, **FILES},
        archives={"clicks": ARCHIVE, "rows": ARCHIVE},
        downloads=(Download(ARCHIVE, (f"https://{SITE}/{ARCHIVE}",), shared=True),),
        protocols={"clicks": CLICKS, "sessions": SESSIONS, "stamp": STAMP},
        departures=dict.fromkeys(("clicks", "sessions", "stamp"), DEPARTURES),
        source=f"{SITE}/{ARCHIVE} (RecSys Challenge 2015); files of sessions are made of it by the "
        "scripts of the papers",
        licence="CC BY-NC-ND 4.0",
        citation="Ben-Shimon et al., RecSys Challenge 2015 and the YOOCHOOSE Dataset, RecSys 2015",
        counts=({"pairs": train_pairs + TEST_PAIRS}, {"items": stamp_items}),
        notes=(
            "Sessions of one click and items of fewer than five clicks are left out.",
            "The last day is test. Of the training part before it, the last "
            f"1/{share} of pairs of a history and its next item stay, in order of time; of "
            "protocol stamp, the last share of clicks in order of session numbers.",
        ),
        sessions=True,
    )


class _Yoochoose(Dataset):
    """A click a line: session, time in ISO 8601, item, category; no header. Or a session a line."""

    api = 1
    share: ClassVar[int]

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`; the category, which is that of a page and not of an item, is left out."""
        if "train" in files:
            read_session_files(db, files)
            return
        by_time = "clicks" in files
        columns = {
            "session": "BIGINT",
            "clicked": "TIMESTAMP",
            "item": "BIGINT",
            "category": "VARCHAR",
        }
        read_csv(db, "lines", files["clicks" if by_time else "rows"], columns)
        db.execute(
            """CREATE VIEW clicks AS
            SELECT row, session, item, epoch_ms(clicked) AS moment, moment AS date FROM lines"""
        )
        last: Literal["pairs", "clicks"] = "pairs" if by_time else "clicks"
        select_sessions(db, test_days=1, share=self.share, last=last)


class Yoochoose64(_Yoochoose):
    """The last 1/64 of the training part, and the test part."""

    share = 64
    card = _card(64, 369_859, 17_694)


class Yoochoose4(_Yoochoose):
    """The last quarter of the training part, and the test part."""

    share = 4
    card = _card(4, 5_917_745, 30_660)
