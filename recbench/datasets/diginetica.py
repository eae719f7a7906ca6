"""Diginetica: sessions of an online shop, from the CIKM Cup of 2016, raw or as sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import OfficialTest, Protocol
from recbench.data.reading import read_csv
from recbench.datasets.session_selection import SOURCE, select_sessions
from recbench.datasets.simulated_sessions import (
    SIZES,
    TEST_FILE,
    TRAIN_FILE,
    VERSION,
    VIEWS_FILE,
    simulate_sessions,
)
from recbench.progress import Progress

SESSIONS = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    timed=False,
    seen_targets=True,
    files=("train", "test"),
    source="Wu et al., Session-based Recommendation with Graph Neural Networks, AAAI 2019, whose "
    "test part this is; validation is the last 5 % of clicks of the training part",
)
RAW = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source=SOURCE,
    files=("views",),
)


class Diginetica(Dataset):
    """One session a line, item ids in the order of clicks; the last week is the test file.

    Or, with the protocol `raw`, one click a line: session, user, item, milliseconds since the
    session began, date.
    """

    api = 1
    card = Card(
        name="diginetica",
        version=1,
        title="Diginetica (CIKM Cup 2016, track 2), sessions",
        task="next-item",
        files={"train": TRAIN_FILE, "test": TEST_FILE, "views": VIEWS_FILE},
        protocols={"sessions": SESSIONS, "raw": RAW},
        source="the data of the SR-GNN release (github.com/CRIPAC-DIG/SR-GNN), sessions as lines; "
        f"or, for the protocol raw, {VIEWS_FILE} of the CIKM Cup 2016 "
        "(competitions.codalab.org/competitions/11161)",
        licence="research use",
        citation="CIKM Cup 2016 Track 2: Personalized E-Commerce Search Challenge; Wu et al., "
        "Session-based Recommendation with Graph Neural Networks, AAAI 2019",
        counts=({"interactions": 982_961, "users": 202_633, "items": 43_097},),
        simulated_sizes={size: vars(constants) for size, constants in SIZES.items()},
        simulator_version=VERSION,
        notes=(
            "Sessions of one click and items of fewer than five clicks are left out.",
            "Files of sessions have an order and no times: a session's time is its line.",
        ),
        sessions=True,
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`: the test file's sessions come after those of the training file."""
        if "views" in files:
            _read_views(db, files["views"])
            return
        for part in ("train", "test"):
            read_csv(db, part, files[part], {"line": "VARCHAR"}, delimiter="\t")
        db.execute(
            """CREATE TABLE events AS
            SELECT row_number() OVER (ORDER BY session, place) AS row, session AS user,
                   item::BIGINT AS item, session AS time, testing
            FROM (SELECT session, testing, unnest(clicks) AS item,
                         generate_subscripts(clicks, 1) AS place
                  FROM (SELECT row AS session, string_split(line, ' ') AS clicks, false AS testing
                        FROM train
                        UNION ALL
                        SELECT row + (SELECT max(row) FROM train), string_split(line, ' '), true
                        FROM test))"""
        )

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write simulated session files, and the same sessions as raw views."""
        simulate_sessions(SIZES[size], folder)
        return {role: folder / name for role, name in self.card.files.items()}


def _read_views(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    columns = {
        "session": "BIGINT",
        "visitor": "VARCHAR",
        "item": "BIGINT",
        "timeframe": "BIGINT",
        "day": "DATE",
    }
    read_csv(db, "views", path, columns, delimiter=";", header=True)
    db.execute(
        """CREATE VIEW clicks AS
        SELECT row, session, item, epoch_ms(day) AS date,
               epoch_ms(min(day) OVER (PARTITION BY session)) + timeframe AS moment FROM views"""
    )
    select_sessions(db, test_days=7)
