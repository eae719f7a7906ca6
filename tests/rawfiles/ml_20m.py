"""Drawn files in the format of MovieLens 20M."""

from __future__ import annotations

from pathlib import Path

import numpy as np

USERS, MOVIES, RATINGS = 60, 50, 900
FIRST, SPAN = 789_652_009, 630_000_000
"""The second of the first rating, and how many seconds follow."""
GENRES = ("Adventure|Animation", "Drama", "(no genres listed)")


def write(folder: Path, name: str) -> None:
    """Write ratings.csv and movies.csv."""
    draw = np.random.default_rng(12)
    pairs = np.sort(draw.choice(USERS * MOVIES, RATINGS, replace=False))
    stars, times = draw.integers(1, 11, RATINGS) / 2, draw.integers(0, SPAN, RATINGS) + FIRST
    ratings = ["userId,movieId,rating,timestamp"]
    for pair, star, time in zip(pairs, stars, times, strict=True):
        ratings.append(f"{pair // MOVIES + 1},{pair % MOVIES * 7 + 1},{star},{time}")
    movies = ["movieId,title,genres"]
    for movie in range(MOVIES + 2):
        movies.append(f'{movie * 7 + 1},"Lost City, The ({1960 + movie})",{GENRES[movie % 3]}')
    (folder / "ratings.csv").write_text("\n".join(ratings) + "\n", encoding="utf-8")
    (folder / "movies.csv").write_text("\n".join(movies) + "\n", encoding="utf-8")
