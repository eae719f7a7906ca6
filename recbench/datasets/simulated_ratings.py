"""Simulated ratings of movies, in the files' format of MovieLens 100K, so that none is needed.

SIMULATED: users and movies have tastes, which their fields tell in part. What a new user's fields
tell is worth something before the first rating, and the rest can only be learnt from ratings.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.ml_100k import GENRES
from recbench.datasets.simulation.rating_simulation import RatingSimulation

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
OCCUPATIONS = ("administrator", "artist", "doctor", "educator", "engineer", "executive", "student")
FIRST_SECOND, SECONDS = 874_724_710, 18_500_000
"""When ratings begin, and for how long they go on, as in the real file."""
YEARS = (1950, 1998)
SIZES = {
    "tiny": RatingSimulation(users=240, items=160, median=60),
    "small": RatingSimulation(users=1_500, items=1_200, median=80),
}
"""The sizes on offer: about 15 and 150 thousand ratings."""


def simulate_ratings(simulation: RatingSimulation, folder: Path) -> None:
    """Write `u.data`, `u.item` and `u.user` to `folder`, which is made if need be."""
    random = np.random.default_rng(simulation.seed)
    folder.mkdir(parents=True, exist_ok=True)
    user_taste = _users(simulation, random, folder / "u.user")
    item_taste = _items(simulation, random, folder / "u.item")
    _ratings(simulation, random, user_taste, item_taste, folder / "u.data")


def _users(simulation: RatingSimulation, random: np.random.Generator, path: Path) -> Floats:
    """Write the users and return their tastes, [users, D]."""
    count = simulation.users
    male, age = random.random(count) < 0.7, random.integers(10, 70, count)
    occupation = random.integers(len(OCCUPATIONS), size=count)
    codes = random.integers(10_000, 99_999, count)
    _write(
        path,
        (
            (number, age[row], "M" if male[row] else "F", OCCUPATIONS[occupation[row]], codes[row])
            for row, number in enumerate(range(1, count + 1))
        ),
        "|",
    )
    values = np.stack([male, 2 + age // 12, 10 + occupation], 1).astype(np.int64)
    return _tastes(simulation, random, values)


def _items(simulation: RatingSimulation, random: np.random.Generator, path: Path) -> Floats:
    """Write the movies and return their tastes, [items, D]."""
    count = simulation.items
    late = random.random(count) < 0.2
    year = np.where(late, random.integers(1996, YEARS[1] + 1, count), 0)
    year += np.where(late, 0, 1995 - random.geometric(0.12, count).clip(max=1995 - YEARS[0]) + 1)
    genres = np.argsort(random.random((count, len(GENRES) - 1)), 1)[:, :3] + 1
    kept = np.arange(3) <= random.choice(3, count, p=(0.5, 0.35, 0.15))[:, None]
    flags = np.zeros((count, len(GENRES)), np.int64)
    np.put_along_axis(flags, np.where(kept, genres, genres[:, :1]), 1, 1)
    _write(
        path,
        (
            (row + 1, f"Movie {row + 1} ({year[row]})", f"01-Jan-{year[row]}", "", "", *flags[row])
            for row in range(count)
        ),
        "|",
    )
    return _tastes(simulation, random, np.where(kept, genres, 0))


def _tastes(simulation: RatingSimulation, random: np.random.Generator, values: Ints) -> Floats:
    """Return tastes of unit variance, given the values of fields, [N, F]; 0 is none."""
    effects = random.normal(size=(values.max() + 1, simulation.tastes))
    effects[0] = 0
    told = effects[values].sum(1) / np.sqrt(np.maximum(1, (values > 0).sum(1)))[:, None]
    own = random.normal(size=told.shape)
    tastes: Floats = np.sqrt(simulation.told) * told + np.sqrt(1 - simulation.told) * own
    return tastes


def _ratings(
    simulation: RatingSimulation,
    random: np.random.Generator,
    user_taste: Floats,
    item_taste: Floats,
    path: Path,
) -> None:
    """Write the ratings, user by user, a movie at most once each, popular movies more often."""
    users, items = simulation.users, simulation.items
    weight = 1 / (10 + random.permutation(items)) ** 0.8
    drawn = simulation.median * np.exp(0.7 * random.normal(size=users))
    counts = drawn.round().astype(np.int64).clip(min(20, items), max(20, items // 2))
    bias = 0.4 * random.normal(size=users)[:, None] + 0.4 * random.normal(size=items)
    true = 3.6 + bias + user_taste @ item_taste.T / np.sqrt(simulation.tastes)
    ratings = (true + simulation.noise * random.normal(size=true.shape)).round().clip(1, 5)
    order = np.argsort(-np.log(random.random((users, items))) / weight, 1)  # draws by weight
    start = FIRST_SECOND + random.integers(SECONDS, size=users)
    rows: list[tuple[object, ...]] = []
    for user in range(users):
        movies = order[user, : counts[user]]
        times = start[user] + random.integers(20, 120, len(movies)).cumsum()
        stars = ratings[user, movies].astype(np.int64)
        rows += zip([user + 1] * len(movies), movies + 1, stars, times, strict=True)
    _write(path, (rows[place] for place in random.permutation(len(rows))), "\t")


def _write(path: Path, rows: Iterable[tuple[object, ...]], separator: str) -> None:
    lines = (separator.join(map(str, row)) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="latin-1")
