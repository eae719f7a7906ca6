"""Drawn files in the format of the S3-Rec release."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

USERS, ITEMS = 40, 50


def write(folder: Path, name: str) -> None:
    """Write sequences.txt and item2attributes.json."""
    draw = np.random.default_rng(3)
    lines = []
    for user in range(1, USERS + 1):
        items = draw.choice(ITEMS, draw.integers(5, 12), replace=False) + 1
        lines.append(" ".join(map(str, [user, *items])) + "\n")
    (folder / "sequences.txt").write_text("".join(lines), encoding="utf-8")
    attributes = {str(item): [900 + item % 9, 950 + item % 4] for item in range(1, ITEMS + 1)}
    (folder / "item2attributes.json").write_text(json.dumps(attributes), encoding="utf-8")
