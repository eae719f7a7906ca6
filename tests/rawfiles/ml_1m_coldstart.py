"""Drawn files in the format of MovieLens 1M, with enough ratings for cold start."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rawfiles.cold_start import MOVIES, draw_ratings
from recbench.datasets.ml_1m_coldstart import BATCH, LAST_YEAR, OLD
from recbench.datasets.movielens_coldstart import AGES

USERS = OLD + 10
FIRST, LAST = 956_703_932, 1_046_454_590
GENRES = ("Action", "Comedy", "Drama", "War")


def write(folder: Path, name: str) -> None:
    """Write ratings.dat, movies.dat and users.dat."""
    draw = np.random.default_rng(102)
    _save(folder / "ratings.dat", draw_ratings(USERS, 3 * BATCH + 2, FIRST, LAST).tolist())
    movies = []
    for movie in range(1, MOVIES + 1):
        genres = "|".join(draw.choice(GENRES, draw.integers(1, 5), replace=False))
        movies.append((movie, f"Amélie {movie} ({LAST_YEAR - 1 + movie % 4})", genres))
    _save(folder / "movies.dat", movies)
    users = [(user, draw.choice(["M", "F"]), draw.choice([1, *AGES]), draw.integers(21),
              f"{user:05d}") for user in range(1, USERS + 1)]  # fmt: skip
    _save(folder / "users.dat", users)


def _save(path: Path, rows: list) -> None:
    text = "".join("::".join(map(str, row)) + "\n" for row in rows)
    path.write_bytes(text.encode("latin-1"))
