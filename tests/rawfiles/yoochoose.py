"""Drawn files in the format of Yoochoose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from rawfiles.sessions import draw_session, write_session_files

SESSIONS = {"yoochoose-1-64": 3000, "yoochoose-1-4": 300}
"""So many that the share of them still has a validation part."""
FIRST = datetime(2014, 4, 1, tzinfo=UTC)
DAYS = 10


def write(folder: Path, name: str) -> None:
    """Write yoochoose-clicks.dat, session by session, and files of sessions."""
    draw = np.random.default_rng(2015)
    lines = []
    for session, second in enumerate(
        np.sort(draw.integers(0, DAYS * 86_000, SESSIONS[name])).tolist()
    ):
        for place, item in enumerate(draw_session(draw)):
            moment = FIRST + timedelta(seconds=second + 7 * place, milliseconds=session % 1000)
            text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{session % 1000:03d}Z"
            lines.append(
                f"{session + 1},{text},{214_000_000 + item},{draw.choice(['0', 'S', '7'])}\n"
            )
    (folder / "yoochoose-clicks.dat").write_text("".join(lines), encoding="utf-8")
    write_session_files(folder, draw)
