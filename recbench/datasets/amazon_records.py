"""Lines of Amazon's files of 2014: reviews in JSON, items as literals of Python's."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import duckdb

from recbench.data.lines import read_lines

ASIN = re.compile(r"""["']asin["']: *["']([^"']+)["']""")
ITEM = {"item": "VARCHAR", "category": "VARCHAR", "brand": "VARCHAR", "price": "INTEGER"}
Item = tuple[str, str | None, str | None, int | None]


def read_records(db: duckdb.DuckDBPyConnection, reviews: Path, meta: Path) -> None:
    """Make `events` and `items` from the files of reviews and of items.

    Of the second file only lines of reviewed items are parsed.
    """
    event = {"user": "VARCHAR", "item": "VARCHAR", "time": "BIGINT"}
    read_lines(db, "events", reviews, event, parse_review)
    reviewed = {item for (item,) in db.execute("SELECT DISTINCT item FROM events").fetchall()}

    def parse(line: str) -> Item | None:
        found = ASIN.search(line)
        return parse_item(line) if found is None or found[1] in reviewed else None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python, about odd escapes in descriptions
        read_lines(db, "about", meta, ITEM, parse)
    db.execute(
        """CREATE VIEW items AS
        SELECT item, arg_min(category, row) AS category, arg_min(brand, row) AS brand,
               arg_min(price, row) AS price
        FROM about GROUP BY item"""
    )


def parse_review(line: str) -> tuple[str, str, int]:
    """Return the user, item and second of a line of JSON.

    Raises:
        ValueError: If it is none, or lacks one of them.
    """
    try:
        review = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    user, item, time = (_value(review, key) for key in ("reviewerID", "asin", "unixReviewTime"))
    if type(time) is not int or not 0 <= time < 1 << 62:
        raise ValueError(f"'unixReviewTime' is {str(time)[:20]!r}, which is no second")
    return _text(user, "reviewerID"), _text(item, "asin"), time


def parse_item(line: str) -> Item:
    """Return an item, its category, its brand and its price's power of two.

    The line is a Python literal, which is never evaluated.

    Raises:
        ValueError: If it is none, or lacks the item.
    """
    try:
        item = ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"no Python literal ({type(error).__name__})") from error
    lists = item.get("categories") if isinstance(item, dict) else None
    if lists is not None and not (isinstance(lists, list) and all(map(_is_list, lists))):
        raise ValueError("'categories' is no list of lists")
    category = _text(lists[0][-1], "categories") if lists and any(lists[0][-1:]) else None
    name = _text(_value(item, "asin"), "asin")
    brand = item.get("brand")  # often empty, where it is not missing
    return name, category, _text(brand, "brand") if brand else None, _power(item.get("price"))


def _power(price: Any) -> int | None:
    """Return the power of two that a price has reached; None of no price."""
    if price is None or price == 0:
        return None
    if type(price) not in (int, float) or not 0 < price < 1e12:
        raise ValueError(f"'price' is {str(price)[:20]!r}, which is no price")
    return math.frexp(price)[1] - 1


def _value(record: Any, key: str) -> Any:
    if not isinstance(record, dict) or key not in record:
        raise ValueError(f"'{key}' is missing")
    return record[key]


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"'{key}' is no text")
    value.encode()  # what has no encoding raises ValueError
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
