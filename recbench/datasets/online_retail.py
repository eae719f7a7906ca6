"""Online Retail: a year of a British shop for gifts, most of whose customers are dealers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data import Card, Dataset
from recbench.data.arrays import read_arrays
from recbench.data.protocol import GlobalTime, Negatives, Protocol
from recbench.data.reading import damaged, read_csv

BY_TIME = GlobalTime(valid=0.1, test=0.1, unit="share")
IDS = {"user": "user_ids", "item": "item_ids", "country": "countries"}
"""The columns that hold places in a list of ids, and the list's name."""
ARRAYS = ("user", "item", "ts", "country", *IDS.values())


class OnlineRetail(Dataset):
    """events.npz, an array a column, a place a line of an invoice; items.csv with a header."""

    api = 1
    card = Card(
        name="online-retail",
        version=1,
        title="Online Retail (UCI)",
        task="ctr",
        files={"events": "events.npz", "items": "items.csv"},
        protocols={
            "time": Protocol(BY_TIME, Negatives("popularity"), min_history=1, any_target=True),
            "new": Protocol(BY_TIME, Negatives("popularity"), min_history=1),
        },
        departures=dict.fromkeys(
            ("time", "new"),
            (
                "The cited paper groups customers; click prediction, in which a line of an invoice "
                "is a click, is recbench's choice.",
            ),
        ),
        source="archive.ics.uci.edu/dataset/352, cleaned and turned into two files as the section "
        "on Online Retail in docs/data.md says",
        licence="CC BY 4.0",
        citation="Chen, Sain and Guo, Data mining for the online retail industry, Journal of "
        "Database Marketing 2012; UCI Machine Learning Repository",
        counts=({"interactions": 396_337, "users": 4_334, "items": 3_659},),
        notes=(
            "An event is a line of an invoice; lines of one invoice share a time, and none of them "
            "is history of another.",
            "A third of the lines are of an item that the customer has bought before. No negative "
            "is, so with the protocol 'time' such a line is easily told; with 'new' only an item's "
            "first purchase by a customer is a target.",
            "An item's category is the head noun of its description; its price band is the power "
            "of two of its usual price in pence, which is that of the whole year.",
            "A customer's country is that of the first line.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        db.register("lines", pa.table(_lines(files["events"])))
        about = {"item": "VARCHAR", "description": "VARCHAR", "price": "DOUBLE", "n": "BIGINT"}
        about |= {"head": "VARCHAR", "category": "VARCHAR"}
        read_csv(db, "about", files["items"], about, header=True, quote='"')
        db.execute(
            """CREATE TABLE events AS SELECT row, user, item, time,
                row_number() OVER (PARTITION BY user, item ORDER BY time, row) = 1 AS positive
            FROM lines;
            CREATE VIEW items AS SELECT item, category,
                CASE WHEN price > 0 THEN floor(log2(100 * price))::INTEGER END AS price_band
            FROM about;
            CREATE TABLE users AS SELECT user, arg_min(country, row) AS country
            FROM lines GROUP BY user"""
        )


def _lines(path: Path) -> dict[str, NDArray[Any]]:
    """Return a column for each thing that an invoice's line says, ids in place of places."""
    arrays = read_arrays(path, ARRAYS)
    columns = {name: arrays[name] for name in ("ts", *IDS)}
    for name, array in columns.items():
        if array.dtype.kind not in "iu" or len(array) != len(arrays["ts"]):
            raise damaged(path, f"'{name}' is not a whole number for each of the lines")
    for name, ids in IDS.items():
        place = columns[name]
        if len(place) and (place.min() < 0 or place.max() >= len(arrays[ids])):
            raise damaged(path, f"'{name}' holds a place that '{ids}' does not have")
        columns[name] = arrays[ids][place]
    times = columns.pop("ts").astype(np.int64)
    return {"row": np.arange(len(times)), "time": times, **columns}
