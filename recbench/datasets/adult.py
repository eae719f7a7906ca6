"""Adult: 48,842 people of the US Census of 1994, a small relative of Census-Income."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import read_csv
from recbench.data.table_protocol import RandomShares, TableProtocol

COLUMNS = {
    "age": "DOUBLE",
    "workclass": "VARCHAR",
    "fnlwgt": "DOUBLE",
    "education": "VARCHAR",
    "education_years": "DOUBLE",
    "marital_status": "VARCHAR",
    "occupation": "VARCHAR",
    "relationship": "VARCHAR",
    "race": "VARCHAR",
    "sex": "VARCHAR",
    "capital_gain": "DOUBLE",
    "capital_loss": "DOUBLE",
    "hours_per_week": "DOUBLE",
    "native_country": "VARCHAR",
    "income": "ENUM(''<=50K'', ''>50K'')",
}


class Adult(Dataset):
    """adult.csv: both official parts in one file with a header; `?` is a missing value."""

    api = 1
    card = Card(
        name="adult",
        version=1,
        title="Adult (Census Income)",
        task="multi-task",
        files={"people": "adult.csv"},
        protocols={"shares": TableProtocol(RandomShares())},
        departures={
            "shares": (
                "The publisher's test part is not kept: both parts are one file, and are drawn "
                "anew.",
                "The publisher's label is the income alone; never married is a second one, as in "
                "the MMoE paper's Census-Income.",
                "Education, marital status, relationship and the survey's weight are no inputs.",
            )
        },
        source="archive.ics.uci.edu/dataset/2, adult.data and adult.test as one CSV with a header",
        licence="CC BY 4.0",
        citation="Becker and Kohavi, Adult, UCI Machine Learning Repository, 1996",
        counts=({"rows": 48_842},),
        notes=("Not the Census-Income of the MMoE paper, in whose place some tutorials use it.",),
        labels={"income": "binary", "never_married": "binary"},
        numbers=("age", "capital_gain", "capital_loss", "hours_per_week"),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows`."""
        read_csv(db, "people", files["people"], COLUMNS, header=True)
        categories = ("workclass", "occupation", "race", "sex", "native_country")
        chosen = ", ".join(f"nullif({name}, '?') AS {name}" for name in categories)
        db.execute(
            f"""CREATE VIEW rows AS
            SELECT row, {", ".join(self.card.numbers)}, {chosen}, income = '>50K' AS income,
                   marital_status = 'Never-married' AS never_married
            FROM people"""  # noqa: S608
        )
