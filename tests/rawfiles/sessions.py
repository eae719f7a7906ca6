"""Drawn sessions, and files that have one a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.datasets.session_files import FILES

ITEMS = 40
LINES = {"train": 200, "test": 40}


def draw_session(draw: np.random.Generator) -> list[int]:
    """Return the items of a session, small ones more often."""
    return [int(item) for item in ITEMS * draw.random(draw.integers(2, 8)) ** 2 + 1]


def write_session_files(folder: Path, draw: np.random.Generator) -> None:
    """Write the training and the test file."""
    for part, count in LINES.items():
        lines = [" ".join(map(str, draw_session(draw))) + "\n" for _ in range(count)]
        (folder / FILES[part]).write_text("".join(lines), encoding="utf-8")
