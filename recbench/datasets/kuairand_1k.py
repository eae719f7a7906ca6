"""KuaiRand-1K: what a video app showed to 1,000 users in a month, and what they did with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import Protocol
from recbench.data.reading import read_csv
from recbench.datasets import kuairand_files


class KuaiRand1K(Dataset):
    """Two logs, features of videos and of users: comma-separated, with headers."""

    api = 1
    card = Card(
        name="kuairand-1k",
        version=1,
        title="KuaiRand-1K, standard impressions",
        task="ctr",
        files={**kuairand_files.FILES, "users": kuairand_files.USERS},
        archives=dict.fromkeys((*kuairand_files.FILES, "users"), kuairand_files.ARCHIVE.file),
        downloads=(kuairand_files.ARCHIVE,),
        protocols={"time": Protocol(kuairand_files.DAYS)},
        departures={"time": (kuairand_files.DEPARTURE,)},
        source=kuairand_files.SOURCE,
        licence=kuairand_files.LICENCE,
        citation=kuairand_files.CITATION,
        counts=({"interactions": 11_713_045, "users": 1_000, "items": 4_369_953},),
        checksums=kuairand_files.CHECKSUMS,
        time_range=kuairand_files.YEAR_2022,
        notes=(
            *kuairand_files.NOTES,
            "The history holds every video shown before, clicked or not.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        kuairand_files.read_files(db, files)
        read_csv(db, "profiles", files["users"], kuairand_files.USER, header=True, quote='"')
        fields = ", ".join(
            name for name in kuairand_files.USER if name not in ("user_id", *kuairand_files.RANGES)
        )
        db.execute(
            f"""CREATE VIEW events AS
            SELECT row, user_id AS user, video_id AS item, time, is_click AS label
            FROM impressions;
            CREATE VIEW items AS SELECT * RENAME (video_id AS item) FROM videos;
            CREATE VIEW users AS SELECT user_id AS user, {fields} FROM profiles"""  # noqa: S608
        )
