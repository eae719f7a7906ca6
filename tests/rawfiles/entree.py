"""Drawn files in the format of Entree Chicago."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

SESSIONS, RESTAURANTS, DAYS = 300, 30, 400
TEXTS = ("Fair Decor", "Good Food", "Excellent Service", "$15-$30", "below $15", "Thai", "French")
CODES = {text: 100 + place for place, text in enumerate(TEXTS)}


def write(folder: Path, name: str) -> None:
    """Write sessions.csv, chicago_items.csv and features.csv."""
    draw = np.random.default_rng(123)
    lines = ["timestamp,visitor,entry,steps,end\n"]
    for session in range(SESSIONS):
        moment = datetime(1996, 9, 1) + timedelta(  # noqa: DTZ001 - the file has no zone
            days=int(draw.integers(DAYS)), seconds=int(draw.integers(86_400))
        )
        walk = draw.integers(0, RESTAURANTS, draw.integers(2, 6))
        asked = draw.choice(list("LMNOPQRS"), len(walk))
        steps = " ".join(f"{item}{letter}" for item, letter in zip(walk, asked, strict=True))
        ending = -1 if session % 4 == 0 else draw.integers(RESTAURANTS)
        lines.append(f"{moment:%Y-%m-%d %H:%M:%S},{session % 90},0,{steps},{ending}\n")
    (folder / "sessions.csv").write_text("".join(lines), encoding="utf-8")
    lines = ["item,name,features\n"]
    for item in range(RESTAURANTS):
        codes = draw.choice(list(CODES.values()), 4, replace=False)
        lines.append(f'{item},"Chez ""{item}"", Chicago",{" ".join(map(str, codes))}\n')
    (folder / "chicago_items.csv").write_text("".join(lines), encoding="utf-8")
    features = "feature,text\n" + "".join(f"{code},{text}\n" for text, code in CODES.items())
    (folder / "features.csv").write_text(features, encoding="utf-8")
