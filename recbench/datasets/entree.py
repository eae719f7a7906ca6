"""Entree: sessions of a guide to the restaurants of Chicago, 1996 to 1999."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import LastSessions, Protocol
from recbench.data.reading import read_csv, whole_number

BY_TIME = Protocol(LastSessions(valid=60, test=60), min_history=1, ties="order", seen_targets=True)
ACTIONS = {
    "L": "browse",
    "M": "cheaper",
    "N": "nicer",
    "O": "closer",
    "P": "more traditional",
    "Q": "more creative",
    "R": "livelier",
    "S": "quieter",
}
"""What a letter behind a restaurant asks for: others that are, beside it, like this."""
QUALITY = "(Poor|Fair|Good|Excellent|Extraordinary|Near-perfect)"


class Entree(Dataset):
    """A session a line, restaurants with what was asked for at each; features of restaurants.

    A session's last restaurant is the one it ended at, if the log names it.
    """

    api = 1
    card = Card(
        name="entree",
        version=1,
        title="Entree Chicago recommendation data",
        task="next-item",
        files={
            "sessions": "sessions.csv",
            "restaurants": "chicago_items.csv",
            "features": "features.csv",
        },
        protocols={"time": BY_TIME},
        departures={
            "time": (
                "The data are logs without a task: to predict the next restaurant is recbench's "
                "choice, and so are the parts.",
            )
        },
        source="archive.ics.uci.edu/dataset/123 (Entree Chicago Recommendation Data), its session "
        "files and chicago.txt as comma-separated text",
        licence="CC BY 4.0",
        citation="Burke, The Wasabi Personal Shopper: A Case-Based Recommender System, AAAI 1999; "
        "UCI Machine Learning Repository",
        counts=({"users": 50_672},),
        notes=(
            "The next restaurant is mostly the system's own answer to what was asked for: it is "
            "easier to predict than a choice.",
            "A session has one time, that of its line; clicks have an order.",
        ),
        sessions=True,
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        columns = {
            "sessions": {
                "moment": "TIMESTAMP",
                "visitor": "BIGINT",
                "entry": "VARCHAR",
                "steps": "VARCHAR",
                "ending": "BIGINT",
            },
            "restaurants": {"item": "BIGINT", "name": "VARCHAR", "features": "VARCHAR"},
            "features": {"feature": "BIGINT", "text": "VARCHAR"},
        }
        for role, types in columns.items():
            read_csv(db, f"{role}_file", files[role], types, header=True, quote='"')
        actions = " ".join(f"WHEN '{letter}' THEN '{name}'" for letter, name in ACTIONS.items())
        db.execute(
            f"""CREATE TABLE events AS
            SELECT row_number() OVER (ORDER BY session, place) AS row, session AS user,
                   regexp_extract(step, '^([0-9]+)[A-Za-z]?$', 1)::BIGINT AS item,
                   epoch(moment)::BIGINT AS time,
                   CASE upper(right(step, 1)) {actions} ELSE 'end' END AS behaviour
            FROM (SELECT row AS session, moment, unnest(walk) AS step,
                         generate_subscripts(walk, 1) AS place
                  FROM (SELECT row, moment, string_split(steps, ' ') ||
                               CASE ending WHEN -1 THEN [] ELSE [ending::VARCHAR] END AS walk
                        FROM sessions_file));
            CREATE TABLE described AS
            SELECT item, place, text
            FROM (SELECT item, unnest(codes) AS code, generate_subscripts(codes, 1) AS place
                  FROM (SELECT item, string_split(features, ' ') AS codes FROM restaurants_file))
            JOIN features_file ON feature = {whole_number("code")};
            CREATE TABLE items AS
            SELECT item,
                   last(text ORDER BY place) FILTER (
                       text !~ '{QUALITY} (Food|Service|Decor)' AND text NOT LIKE '%$%'
                   ) AS cuisine,
                   first(text ORDER BY place) FILTER (text ~ '{QUALITY} Food') AS food,
                   first(text ORDER BY place) FILTER (text ~ '{QUALITY} Service') AS service,
                   first(text ORDER BY place) FILTER (text ~ '{QUALITY} Decor') AS decor,
                   first(text ORDER BY place) FILTER (text LIKE '%$%') AS price
            FROM described GROUP BY item"""  # noqa: S608
        )
