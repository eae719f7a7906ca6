"""A drawn file in the format of Taobao UserBehavior."""

from __future__ import annotations

from pathlib import Path

import numpy as np

EVENTS, USERS, ITEMS, CATEGORIES = 800, 25, 60, 8
FIRST, DAYS = 1_511_539_200, 9
"""Midnight of 25 November 2017 in Beijing, and how many days follow."""


def write(folder: Path, name: str) -> None:
    """Write UserBehavior.csv, a user's rows together as in the real file."""
    draw = np.random.default_rng(2)
    users = np.sort(draw.integers(0, USERS, EVENTS)) * 13 + 1
    times = draw.choice(DAYS * 86_400, EVENTS, replace=False) + FIRST
    items = (ITEMS * draw.random(EVENTS) ** 2).astype(int)
    kinds = draw.choice(["pv", "cart", "fav", "buy"], EVENTS, p=[0.88, 0.06, 0.03, 0.03])
    rows = zip(users, items * 11 + 100, items % CATEGORIES + 5000, kinds, times, strict=True)
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "UserBehavior.csv").write_text(text, encoding="utf-8")
