"""Drawn files in the formats of Diginetica: sessions, and views of the CIKM Cup of 2016."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from rawfiles.sessions import draw_session, write_session_files
from recbench.datasets.simulated_sessions import VIEWS_FILE

SESSIONS, DAYS = 300, 60


def write(folder: Path, name: str) -> None:
    """Write the session files, and views of which some do not stand in the order of time."""
    draw = np.random.default_rng(2016)
    write_session_files(folder, draw)
    lines = ["sessionId;userId;itemId;timeframe;eventdate\n"]
    for session in range(SESSIONS):
        day = date(2016, 1, 1) + timedelta(days=int(draw.integers(DAYS)))
        items = draw_session(draw)
        times = draw.choice(900_000, len(items), replace=False)
        visitor = "NA" if session % 3 else str(session)
        lines += [f"{session + 1};{visitor};{item};{time};{day}\n"
                  for item, time in zip(items, times, strict=True)]  # fmt: skip
    (folder / VIEWS_FILE).write_text("".join(lines), encoding="utf-8")
