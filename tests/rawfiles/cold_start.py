"""Drawn ratings with new and existing users and movies, enough for every state and phase."""

from __future__ import annotations

import numpy as np

POPULAR, HEAVY, MOVIES = 2, 60, 30


def draw_ratings(users: int, rated: int, first: int, last: int) -> np.ndarray:
    """Return user, movie, stars and time of ratings, [N, 4], both numbered from 1 on.

    The first two movies have a rating of everyone; of the others, the first `HEAVY` users have
    rated each, and further ones so many that it has `rated` ratings.
    """
    draw = np.random.default_rng(100)
    pairs = [(user, movie) for movie in range(1, POPULAR + 1) for user in range(1, users + 1)]
    for movie in range(POPULAR + 1, MOVIES + 1):
        others = draw.choice(np.arange(HEAVY, users), rated - HEAVY, replace=False) + 1
        pairs += [(user, movie) for user in [*range(1, HEAVY + 1), *others.tolist()]]
    stars = draw.integers(1, 6, len(pairs))
    times = first + draw.choice(last - first, len(pairs), replace=False)
    ratings = np.column_stack([pairs, stars, times])
    return ratings[draw.permutation(len(ratings))]
