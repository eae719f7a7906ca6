"""Diginetica: sessions of an online shop, from the CIKM Cup of 2016, raw or as sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import OfficialTest, Protocol
from recbench.data.reading import read_csv
from recbench.datasets.session_files import DEPARTURES, FILES, SESSIONS, read_session_files
from recbench.datasets.session_selection import SOURCE, select_sessions
from recbench.datasets.simulated_sessions import SIZES, VIEWS_FILE, simulate_sessions
from recbench.datasets.simulation.session_simulation import VERSION
from recbench.progress import Progress

RAW = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source=SOURCE,
    files=("views",),
)
STAMP = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    seen_targets=True,
    source="the released script of STAMP (Liu et al., KDD 2018), which knows the day of a view "
    "alone: the views of a session stand as in the file and not in the order of time. Otherwise "
    + SOURCE,
    files=("unsorted",),
)


class Diginetica(Dataset):
    """One session a line, item ids in the order of clicks; the last week is the test file.

    Or, with the protocols `raw` and `stamp`, one click a line: session, user, item, milliseconds
    since the session began, date.
    """

    api = 1
    card = Card(
        name="diginetica",
        version=1,
        title="Diginetica (CIKM Cup 2016, track 2), sessions",
        task="next-item",
        files={**FILES, "views": VIEWS_FILE, "unsorted": VIEWS_FILE},
        protocols={"sessions": SESSIONS, "raw": RAW, "stamp": STAMP},
        departures=dict.fromkeys(("sessions", "raw", "stamp"), DEPARTURES),
        source="the sessions that datasets/preprocess.py of SR-GNN makes "
        "(github.com/CRIPAC-DIG/SR-GNN), written one a line; or, for the protocols raw and stamp, "
        f"{VIEWS_FILE} of the CIKM Cup 2016 "
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
        """Make `events` of the session files or of the views."""
        if "views" in files:
            _read_views(db, files["views"], "timeframe")
        elif "unsorted" in files:
            _read_views(db, files["unsorted"], "0")
        else:
            read_session_files(db, files)

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write simulated session files, and the same sessions as raw views."""
        simulate_sessions(SIZES[size], folder)
        return {role: folder / name for role, name in self.card.files.items()}


def _read_views(db: duckdb.DuckDBPyConnection, path: Path, within: str) -> None:
    """Make `events`; `within` is a view's time since its session began, in milliseconds."""
    columns = {
        "session": "BIGINT",
        "visitor": "VARCHAR",
        "item": "BIGINT",
        "timeframe": "BIGINT",
        "day": "DATE",
    }
    read_csv(db, "views", path, columns, delimiter=";", header=True)
    db.execute(
        f"""CREATE VIEW clicks AS
        SELECT row, session, item, epoch_ms(day) AS date,
               epoch_ms(min(day) OVER (PARTITION BY session)) + {within} AS moment FROM views"""  # noqa: S608
    )
    select_sessions(db, test_days=7)
