"""Taobao UserBehavior: page views, carts, favourites and purchases of about a million users."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from recbench.data import Card, Dataset
from recbench.data.protocol import GlobalTime, Negatives, Protocol, UsersByLastEvent
from recbench.data.reading import read_csv
from recbench.datasets.simulated import SIZES, VERSION, Oracle, simulate
from recbench.progress import Progress

BEIJING = 8
MIMN = Protocol(
    UsersByLastEvent(valid=0.1, test=0.3),
    Negatives("uniform", never="target", replace=0.5),
    last_per_user=1,
    min_history=1,
    ties="order",
    any_target=True,
    source="Pi et al., Practice on Long Sequential User Behavior Modeling, KDD 2019, and its "
    "authors' code; validation added, of users that would be for training",
)
DEPARTURES = {
    "time": (
        "MIMN's paper asks for a user's last event, and takes a uniform item for a negative, as "
        "'mimn' does; here targets are page views, and one moment separates the parts for all.",
        "A negative is an item that the user meets nowhere in the log, drawn as often as items are "
        "targets of the same part.",
    ),
    "mimn": (
        "The tenth of the users that end last before those of the test part are validation.",
        "Histories are whole, and a model reads as much of them as its options say; the released "
        "code keeps 200 events, the target among them.",
        "Users, items, categories and behaviours are numbered apart; in the released code they "
        "share their numbers.",
        "The released code cuts each part to a multiple of 256 examples; here none is cut.",
    ),
}
CARD = Card(
    name="taobao",
    version=1,
    title="Taobao UserBehavior",
    task="ctr",
    files={"log": "UserBehavior.csv"},
    protocols={
        "time": Protocol(
            GlobalTime(valid=1, test=1, unit="days", utc_offset_hours=BEIJING),
            negatives=Negatives("popularity"),
            last_per_user=5,
        ),
        "mimn": MIMN,
    },
    departures=DEPARTURES,
    source="tianchi.aliyun.com/dataset/649 (UserBehavior.csv.zip; needs a login)",
    licence="Tianchi terms, non-commercial research",
    citation="Zhu et al., Learning Tree-based Deep Model for Recommender Systems, KDD 2018",
    counts=({"interactions": 100_148_931, "users": 987_994, "items": 4_162_024},),
    time_range=(1_483_200_000, 1_514_735_999),
    simulated_sizes={size: vars(constants) for size, constants in SIZES.items()},
    simulator_version=VERSION,
    notes=(
        "With 'time' targets are page views, the last five of a user in each part; histories hold "
        "all four behaviours.",
        "With 'mimn' a user has one target, the last event of whatever behaviour, and in half the "
        "cases a random item in its place, labelled 0; the users that end last are test.",
        "Rows outside the year 2017 (UTC+8) are dropped.",
        "An item listed under several categories takes the smallest.",
    ),
)


class Taobao(Dataset):
    """UserBehavior.csv: user, item, category, behaviour, seconds; no header."""

    api = 1
    card = CARD

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items` from UserBehavior.csv."""
        columns = {"user": "BIGINT", "item": "BIGINT", "category": "BIGINT"}
        columns |= {"behaviour": "VARCHAR", "time": "BIGINT"}
        read_csv(db, "behaviour_log", files["log"], columns)
        db.execute(
            """CREATE VIEW events AS SELECT *, behaviour = 'pv' AS positive FROM behaviour_log;
            CREATE VIEW items AS
            SELECT item, min(category) AS category FROM behaviour_log GROUP BY item"""
        )

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Write a simulated UserBehavior.csv."""
        with progress.bar(f"simulating taobao ({size})", 1.0, "") as bar:
            done = 0.0

            def report(share: float) -> None:
                nonlocal done
                bar.advance(share - done)
                done = share

            simulate(SIZES[size], folder, report)
        return {"log": folder / "UserBehavior.csv"}

    def oracle(
        self,
        folder: Path,
        user: NDArray[np.int64],
        time: NDArray[np.int64],
        item: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Return the true log odds of simulated examples, [N]."""
        return Oracle.load(folder).log_odds(user, time, item)
