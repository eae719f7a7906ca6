"""Drawn files in the formats of Amazon's reviews of 2014, 5-core."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

USERS, ITEMS = 60, 80
FIRST, DAYS, DAY = 1_199_145_600, 2_000, 86_400
"""The first day of a review, and how many days follow."""
CATEGORIES = {
    "amazon-electronics": "Electronics",
    "amazon-books": "Books",
    "amazon-beauty": "Beauty",
    "amazon-toys": "Toys_and_Games",
}
"""What the files of a dataset are called after."""


def write(folder: Path, name: str) -> None:
    """Write the files of reviews and of items, and for Electronics also the encoded log."""
    draw = np.random.default_rng(21)
    users = np.repeat(np.arange(USERS), draw.integers(5, 12, USERS))
    items = np.concatenate(
        [draw.choice(ITEMS, count, replace=False) for count in np.bincount(users)]
    )
    days = draw.integers(0, DAYS, len(users)) * DAY + FIRST
    order = np.lexsort((days, items))  # as Amazon has them, an item's reviews together
    log = list(zip(users[order].tolist(), items[order].tolist(), days[order].tolist(), strict=True))
    category = CATEGORIES[name]
    reviews = "".join(_review(*each) for each in log)
    (folder / f"reviews_{category}_5.json").write_text(reviews, encoding="utf-8")
    meta = "".join(_item(item, category) for item in range(ITEMS + 4))
    (folder / f"meta_{category}.json").write_text(meta, encoding="utf-8")
    if name == "amazon-electronics":
        rows = [f"{user},{item},{day},{item % 9 + 1}\n" for user, item, day in sorted(log)]
        header = "user_id,item_id,time,cate_id\n"
        (folder / "amazon_electronics.csv").write_text(header + "".join(rows), encoding="utf-8")


def _review(user: int, item: int, day: int) -> str:
    review = {
        "reviewerID": f"A{user:05}XQ",
        "asin": f"B{item:09}",
        "reviewerName": 'J. "Jay"',
        "helpful": [item % 3, 3],
        "reviewText": "Good, as [before].\nIt's 1/2 the price…",
        "overall": float(1 + user % 5),
        "summary": "Good",
        "unixReviewTime": day,
        "reviewTime": "01 1, 2008",
    }
    return json.dumps(review) + "\n"


def _item(item: int, category: str) -> str:
    about = {
        "asin": f"B{item:09}",
        "title": 'The "best" one, it\'s said',
        "price": 9.99 + item,
        "related": {"also_bought": [f"B{(item + 1) % ITEMS:09}"]},
        "categories": [[category, f"Kind {item % 4}", f"Sort é{item % 9}"], [category, "Other"]],
    }
    if item % 3:
        about |= {"brand": f"Brand {item % 5}", "salesRank": {category: item}}
    return f"{about!r}\n"
