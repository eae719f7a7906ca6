"""Files of sessions, one a line, item ids in the order of clicks, as the SR-GNN release has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data.protocol import OfficialTest, Protocol
from recbench.data.reading import read_csv, whole_number

FILES = {"train": "train_sessions.txt", "test": "test_sessions.txt"}
SESSIONS = Protocol(
    OfficialTest(valid=0.05),
    min_history=1,
    ties="order",
    timed=False,
    seen_targets=True,
    files=tuple(FILES),
    source="Wu et al., Session-based Recommendation with Graph Neural Networks, AAAI 2019, whose "
    "test part this is; validation is the last 5 % of clicks of the training part",
)
DEPARTURES = (
    "The papers train on what is validation here too, so that their models know the last clicks "
    "before the test part.",
    "A target that the training part lacks for want of these clicks is left out and counted.",
)


def read_session_files(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `events`: the test file's sessions come after those of the training file."""
    for part in FILES:
        read_csv(db, part, files[part], {"line": "VARCHAR"}, delimiter="\t")
        db.execute(f"DELETE FROM {part} WHERE line IS NULL")  # noqa: S608 - an empty line
    db.execute(
        f"""CREATE TABLE events AS
        SELECT row_number() OVER (ORDER BY session, place) AS row, session AS user,
               {whole_number("item")} AS item, session AS time, testing
        FROM (SELECT session, testing, unnest(clicks) AS item,
                     generate_subscripts(clicks, 1) AS place
              FROM (SELECT row AS session, string_split(line, ' ') AS clicks, false AS testing
                    FROM train
                    UNION ALL
                    SELECT row + (SELECT max(row) FROM train), string_split(line, ' '), true
                    FROM test))"""  # noqa: S608
    )
