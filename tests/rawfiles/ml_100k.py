"""Drawn files in the format of MovieLens 100K."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATINGS, USERS, MOVIES = 600, 30, 40
FIRST, LAST = 874_724_710, 893_286_638
GENRES = 19
JOBS = ("artist", "engineer", "student", "writer")


def write(folder: Path, name: str) -> None:
    """Write u.data, u.item and u.user."""
    draw = np.random.default_rng(1)
    pairs = draw.choice(USERS * MOVIES, RATINGS, replace=False)
    times = FIRST + draw.choice(LAST - FIRST, RATINGS, replace=False)
    stars = draw.integers(1, 6, RATINGS)
    ratings = zip(pairs // MOVIES + 1, pairs % MOVIES + 1, stars, times, strict=True)
    _save(folder / "u.data", "\t", ratings)
    movies = []
    for movie in range(1, MOVIES + 1):
        flags = draw.random(GENRES) < 0.15
        flags[draw.integers(1, GENRES)] = True
        flags[0] = False
        year = draw.integers(1990, 1999)
        title = f"Amélie, Part {movie} ({year})" if movie % 7 == 0 else f"Film {movie} ({year})"
        movies.append((movie, title, f"01-Jan-{year}", "", f"http://x/{movie}", *flags.astype(int)))
    _save(folder / "u.item", "|", movies)
    users = [
        (user, draw.integers(10, 70), draw.choice(["M", "F"]), draw.choice(JOBS), f"{user:05d}")
        for user in range(1, USERS + 1)
    ]
    _save(folder / "u.user", "|", users)


def _save(path: Path, separator: str, rows) -> None:
    text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
    path.write_bytes(text.encode("latin-1"))
