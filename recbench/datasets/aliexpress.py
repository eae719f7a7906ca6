"""AliExpress: searches of an online shop in four countries, with clicks and purchases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import read_csv
from recbench.data.table_protocol import OfficialTestKept, TableProtocol

CATEGORIES = tuple(f"categorical_{number}" for number in range(1, 17))
NUMBERS = tuple(f"numerical_{number}" for number in range(1, 64))
LABELS = ("click", "conversion")
TYPES = {
    "search_id": "BIGINT",
    **dict.fromkeys(CATEGORIES, "BIGINT"),
    **dict.fromkeys(NUMBERS, "DOUBLE"),
    **dict.fromkeys(LABELS, "TINYINT"),
}
OFFICIAL = TableProtocol(
    OfficialTestKept(valid=0.1, group="search_id"),
    source="the official test; validation is a tenth of the training searches, drawn",
)


def _card(code: str, country: str) -> Card:
    return Card(
        name=f"aliexpress-{code.lower()}",
        version=1,
        title=f"AliExpress search, {country}",
        task="multi-task",
        files={"train": "train.csv", "test": "test.csv"},
        folder=f"AliExpress_{code}",
        protocols={"official": OFFICIAL},
        departures={"official": ("The search is no input.",)},
        source="github.com/easezyc/Multitask-Recommendation-Library: the processed AliExpress_"
        f"{code} (train.csv and test.csv), made of tianchi.aliyun.com/dataset/74690",
        licence="Tianchi terms, non-commercial research",
        citation="Li et al., Improving Multi-Scenario Learning to Rank in E-commerce by Exploiting "
        "Task Relationships in the Label Space, CIKM 2020",
        notes=(
            "A row is an item that a search showed; no search has rows in both train and "
            "validation.",
            "What the columns mean is not published.",
            "No count of rows is published: a file that was cut off between two rows is not "
            "noticed.",
        ),
        labels=dict.fromkeys(LABELS, "binary"),
        numbers=NUMBERS,
    )


class _AliExpress(Dataset):
    """train.csv and test.csv, comma-separated with a header."""

    api = 1

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows`; those of the test file come after those of the training file."""
        for role, path in files.items():
            read_csv(db, f"{role}_file", path, TYPES, header=True)
        db.execute(
            """CREATE VIEW rows AS SELECT false AS testing, * FROM train_file
            UNION ALL SELECT true, * REPLACE (row + (SELECT max(row) FROM train_file) AS row)
            FROM test_file"""
        )


class AliExpressNetherlands(_AliExpress):
    """The searches of the Netherlands."""

    card = _card("NL", "Netherlands")


class AliExpressSpain(_AliExpress):
    """The searches of Spain."""

    card = _card("ES", "Spain")


class AliExpressFrance(_AliExpress):
    """The searches of France."""

    card = _card("FR", "France")


class AliExpressUnitedStates(_AliExpress):
    """The searches of the United States."""

    card = _card("US", "United States")
