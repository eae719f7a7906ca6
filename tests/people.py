"""A small table of people, as a dataset and as rows."""

from __future__ import annotations

import numpy as np

from recbench.data import Card, Dataset
from recbench.data.protocol import GlobalTime
from recbench.data.reading import read_csv
from recbench.data.table_protocol import (
    OfficialTestHalved,
    OfficialTestKept,
    RandomShares,
    RowTime,
    TableProtocol,
)

ROWS = 200
SHARES = TableProtocol(RandomShares())


class People(Dataset):
    """Age, town, code, two labels and whether the row is of the official test part."""

    api = 1

    def __init__(self, **card):
        protocols = {
            "shares": SHARES,
            "official": TableProtocol(OfficialTestHalved()),
            "rich": TableProtocol(RandomShares(), labels=("rich",), left_out=("code",)),
            "other-seed": TableProtocol(RandomShares(seed=1)),
            "by-code": TableProtocol(OfficialTestKept(valid=0.5, group="code")),
            "by-time": TableProtocol(RowTime(GlobalTime(0.2, 0.2, "share"), "code")),
            "by-nothing": TableProtocol(OfficialTestKept(group="house")),
        }
        about = {
            "name": "people", "version": 1, "title": "People", "task": "multi-task",
            "files": {"people": "people.csv"}, "protocols": protocols, "source": "nowhere",
            "licence": "none", "citation": "none", "numbers": ("age",),
            "labels": {"wage": "real", "rich": "binary"}, "max_rejected": 0.01,
        }  # fmt: skip
        self.card = Card(**about | card)

    def read(self, db, files):
        types = {"age": "DOUBLE", "town": "VARCHAR", "code": "INTEGER", "wage": "DOUBLE"}
        read_csv(db, "people", files["people"], types | {"testing": "BOOLEAN"})
        db.execute(
            "CREATE VIEW rows AS SELECT row, testing, town, age, code, wage, wage > 0 AS rich "
            "FROM people"
        )


def make_rows(seed=0):
    random = np.random.default_rng(seed)
    return [
        [
            "" if row == 7 else random.integers(20, 70),
            "" if row == 9 else f"t{random.integers(30)}",
            random.integers(100, 140),
            "" if row == 11 else round(random.normal(), 3),
            row >= 150,
        ]
        for row in range(ROWS)
    ]
