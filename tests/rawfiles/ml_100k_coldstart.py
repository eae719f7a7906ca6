"""Drawn files in the format of MovieLens 100K, with enough ratings for cold start."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rawfiles.cold_start import MOVIES, draw_ratings
from recbench.datasets.ml_100k import GENRES
from recbench.datasets.ml_100k_coldstart import BATCH, LAST_YEAR, OLD

USERS = OLD + 5
FIRST, LAST = 874_724_710, 893_286_638


def write(folder: Path, name: str) -> None:
    """Write u.data, u.item and u.user."""
    draw = np.random.default_rng(101)
    _save(folder / "u.data", "\t", draw_ratings(USERS, 3 * BATCH + 35, FIRST, LAST).tolist())
    movies = []
    for movie in range(1, MOVIES + 1):
        flags = draw.random(len(GENRES)) < 0.15
        flags[1 + movie % (len(GENRES) - 1)] = True
        year = LAST_YEAR - 1 + movie % 4
        movies.append((movie, f"Amélie {movie} ({year})", f"01-Jan-{year}", "", "http://x",
                       *flags.astype(int)))  # fmt: skip
    _save(folder / "u.item", "|", movies)
    users = [(user, draw.integers(10, 70), draw.choice(["M", "F"]), "artist", f"{user:05d}")
             for user in range(1, USERS + 1)]  # fmt: skip
    _save(folder / "u.user", "|", users)


def _save(path: Path, separator: str, rows: list) -> None:
    text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
    path.write_bytes(text.encode("latin-1"))
