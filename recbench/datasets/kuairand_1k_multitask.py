"""KuaiRand-1K as a table: clicks, likes, follows and long views of impressions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.table_protocol import RowTime, TableProtocol
from recbench.datasets import kuairand_files
from recbench.errors import DataError


class KuaiRand1KMultiTask(Dataset):
    """The two logs and the features of videos, as `kuairand-1k` reads them."""

    api = 1
    card = Card(
        name="kuairand-1k-multitask",
        version=1,
        title="KuaiRand-1K, standard impressions, four labels",
        task="multi-task",
        files=kuairand_files.FILES,
        archives=dict.fromkeys(kuairand_files.FILES, kuairand_files.ARCHIVE.file),
        downloads=(kuairand_files.ARCHIVE,),
        folder="kuairand-1k",
        protocols={"time": TableProtocol(RowTime(kuairand_files.DAYS))},
        departures={
            "time": (
                kuairand_files.DEPARTURE,
                "Of what users did four things are labels; the others that the log has, such as "
                "comments and play times, are not read.",
            )
        },
        source=kuairand_files.SOURCE,
        licence=kuairand_files.LICENCE,
        citation=kuairand_files.CITATION,
        counts=({"rows": 11_713_045},),
        checksums=kuairand_files.CHECKSUMS,
        notes=(
            *kuairand_files.NOTES,
            "Inputs: user, video, author, category, the app's page (tab) and the hour.",
        ),
        labels=dict.fromkeys(kuairand_files.LABELS, "binary"),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows` and `remarks`."""
        kuairand_files.read_files(db, files)
        twice = db.execute(
            """SELECT video_id FROM videos GROUP BY video_id HAVING count(*) > 1
            ORDER BY ALL LIMIT 1"""
        ).fetchall()
        if twice:
            raise DataError(f"{files['videos']} has the video {twice[0][0]} twice; get it again")
        low, high = kuairand_files.YEAR_2022
        right = f"""user_id IS NOT NULL AND video_id IS NOT NULL
            AND coalesce(time BETWEEN {low} AND {high}, false)"""
        db.execute(
            f"""CREATE VIEW rows AS
            SELECT row, time, user_id, video_id, author, category, tab, hour,
                   {", ".join(kuairand_files.LABELS)}
            FROM impressions LEFT JOIN videos USING (video_id) WHERE {right};
            CREATE TABLE remarks AS
            SELECT count(*) AS count, 'left out: no user, no video or no time of 2022' AS what
            FROM impressions WHERE NOT ({right})
            UNION ALL
            SELECT count(*), 'have a video without features'
            FROM impressions ANTI JOIN videos USING (video_id) WHERE {right}"""  # noqa: S608
        )
