from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from people import People, make_rows

from recbench.data import DataConfig, prepare
from recbench.data.columns import Spool
from recbench.data.ingest import RawLog
from recbench.data.reading import Rejected


@pytest.fixture
def make_ratings(tmp_path):
    """Return a function that makes a log of ratings from users, items and times, each [N].

    It also takes the year of each item, by number. The label of a row is its place in the log.
    """

    def make(user, item, time, year=None) -> RawLog:
        order = np.lexsort((time, user))
        columns = {"user": user[order], "item": item[order], "time": time[order]}
        columns["label"] = np.arange(len(order), dtype=np.float32)
        folder = tmp_path / f"spool{len(list(tmp_path.iterdir()))}"
        spool = Spool(folder, len(order), {name: each.dtype for name, each in columns.items()})
        for name, values in columns.items():
            spool.columns[name][:] = values
        fields = {} if year is None else {"year": pa.array(year)}
        numbers = (pa.array(np.arange(each.max() + 1)) for each in (user, item))
        return RawLog(spool, *numbers, {}, fields, (), 0, Rejected(0, ()))

    return make


@pytest.fixture
def people(folders):
    """Return a function that prepares a table given by its rows."""

    def make(rows=None, protocol="", limit=0, **card):
        rows = make_rows() if rows is None else rows
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        (folders.data / "people.csv").write_text(text)
        config = DataConfig("people", protocol, limit=limit)
        return prepare(People(**card), config, folders)

    return make
