"""Drawn files in the format of MovieLens latest-small."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATINGS, USERS, MOVIES = 600, 20, 60
FIRST, LAST = 828_000_000, 1_530_000_000
GENRES = ("Action", "Comedy", "Drama", "(no genres listed)")


def write(folder: Path, name: str) -> None:
    """Write ratings.csv and movies.csv."""
    draw = np.random.default_rng(9)
    pairs = np.sort(draw.choice(USERS * MOVIES, RATINGS, replace=False))
    times = FIRST + draw.choice(LAST - FIRST, RATINGS, replace=False)
    stars = draw.integers(1, 11, RATINGS) / 2
    lines = ["userId,movieId,rating,timestamp\n"]
    lines += [f"{pair // MOVIES + 1},{pair % MOVIES + 1},{star},{time}\n"
              for pair, star, time in zip(pairs, stars, times, strict=True)]  # fmt: skip
    (folder / "ratings.csv").write_text("".join(lines), encoding="utf-8")
    lines = ["movieId,title,genres\n"]
    for movie in range(1, MOVIES + 1):
        genres = "|".join(draw.choice(GENRES, draw.integers(1, 3), replace=False))
        lines.append(f'{movie},"Film, ""The {movie}"" (1995)",{genres}\n')
    (folder / "movies.csv").write_text("".join(lines), encoding="utf-8")
