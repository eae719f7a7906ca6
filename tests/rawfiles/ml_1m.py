"""Drawn files in the format of MovieLens 1M."""

from __future__ import annotations

from pathlib import Path

import numpy as np

USERS, MOVIES, RATINGS = 30, 50, 500
FIRST, SPAN = 956_703_932, 90_000_000
"""The second of the first rating, and how many seconds follow."""
AGES = (1, 18, 25, 35, 45, 50, 56)
GENRES = ("Animation|Children's|Comedy", "Drama", "Film-Noir|Mystery", "Sci-Fi|War")


def write(folder: Path, name: str) -> None:
    """Write ratings.dat, movies.dat and users.dat."""
    draw = np.random.default_rng(11)
    pairs = np.sort(draw.choice(USERS * MOVIES, RATINGS, replace=False))
    stars, times = draw.integers(1, 6, RATINGS), draw.integers(0, SPAN, RATINGS) + FIRST
    rows = zip(pairs // MOVIES + 1, pairs % MOVIES + 1, stars, times, strict=True)
    movies = (
        (movie, f"Misérables {movie}: Les ({1930 + movie})", GENRES[movie % 4])
        for movie in range(1, MOVIES + 3)
    )
    users = (
        (user, "FM"[user % 2], AGES[user % 7], user % 21, f"0{user:04}-12")
        for user in range(1, USERS + 1)
    )
    for file, lines in (("ratings", rows), ("movies", movies), ("users", users)):
        text = "".join("::".join(map(str, line)) + "\n" for line in lines)
        (folder / f"{file}.dat").write_text(text, encoding="latin-1")
