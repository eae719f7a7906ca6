"""Amazon Beauty and Toys 2014 as item sequences in time order, without timestamps.

The release of S3-Rec (Zhou et al., CIKM 2020): the 5-core reviews of a category, one user a line.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from recbench.data import Card, Dataset
from recbench.data.protocol import LeaveLastTwoOut, Negatives, Protocol
from recbench.data.reading import open_text, read_csv, whole_number
from recbench.datasets import amazon_2014
from recbench.datasets.amazon_records import read_records

FILES = ("sequences", "attributes")
SEQUENCES = Protocol(
    LeaveLastTwoOut(), Negatives("popularity"), 0, 1, "order", timed=False, files=FILES
)
DIN = dataclasses.replace(
    SEQUENCES, negatives=amazon_2014.DIN.negatives, source=amazon_2014.DIN.source
)
CLICKS = (
    "The release's paper predicts the next item; here the task is click prediction, and negatives "
    "are drawn as often as items are targets of the same part."
)


def _card(name: str, category: str, users: int, items: int, interactions: int) -> Card:
    return Card(
        name=name,
        version=2,
        title=f"Amazon {category.replace('_', ' ')} 2014, 5-core",
        task="ctr",
        files={
            "sequences": "sequences.txt",
            "attributes": "item2attributes.json",
            **amazon_2014.files(category),
        },
        downloads=amazon_2014.downloads(category),
        protocols={
            "sequences": SEQUENCES,
            "din": DIN,
            "time": amazon_2014.TIME,
            "din-reviews": amazon_2014.DIN,
            "dien": amazon_2014.DIEN,
        },
        departures={
            **amazon_2014.DEPARTURES,
            "sequences": (CLICKS,),
            "din": (amazon_2014.LAST_BUT_ONE, amazon_2014.UNSEEN),
            "din-reviews": amazon_2014.DEPARTURES["din"],
        },
        source=f"github.com/RUCAIBox/CIKM2020-S3Rec, data/{category}.txt as sequences.txt and data/"
        f"{category}_item2attributes.json as item2attributes.json; for the last three protocols "
        f"{amazon_2014.SOURCE}",
        licence=amazon_2014.LICENCE,
        citation=f"{amazon_2014.CITATION}; Zhou et al., S3-Rec, CIKM 2020",
        counts=({"interactions": interactions, "users": users, "items": items},),
        optional=amazon_2014.FIELDS,
        notes=(
            "With 'sequences' and 'din' the files have an order and no times: an event's time is "
            "its place in its sequence. An item's category is the last of its attributes, the most "
            "specific one.",
            "'time', 'din-reviews' and 'dien' read Amazon's own files.",
            *amazon_2014.NOTES,
        ),
    )


class _AmazonSequences(Dataset):
    """A line `user item item ...` for each user, and a JSON object item -> attribute ids.

    Or Amazon's own files of reviews and of items.
    """

    api = 1

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events` and `items`."""
        if "reviews" in files:
            read_records(db, files["reviews"], files["meta"])
            return
        read_csv(db, "lines", files["sequences"], {"line": "VARCHAR"}, delimiter="\t")
        db.execute(
            f"""CREATE TABLE events AS
            SELECT row_number() OVER () AS row, {whole_number("split[1]")} AS user,
                   {whole_number("item")} AS item, time
            FROM (SELECT split, unnest(items) AS item, generate_subscripts(items, 1) AS time
                  FROM (SELECT split, CASE len(split) WHEN 1 THEN [''] ELSE split[2:] END AS items
                        FROM (SELECT string_split(line, ' ') AS split FROM lines ORDER BY row)))"""  # noqa: S608
        )
        with open_text(files["attributes"]) as file:
            attributes = {int(item): each for item, each in json.load(file).items()}
        category = [each[-1] if each else None for each in attributes.values()]
        db.register("items", pa.table({"item": list(attributes), "category": category}))


class AmazonBeauty(_AmazonSequences):
    """Amazon Beauty, 5-core of 2014."""

    card = _card("amazon-beauty", "Beauty", 22_363, 12_101, 198_502)


class AmazonToys(_AmazonSequences):
    """Amazon Toys and Games, 5-core of 2014."""

    card = _card("amazon-toys", "Toys_and_Games", 19_412, 11_924, 167_597)
