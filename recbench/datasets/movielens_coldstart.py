"""What the MovieLens datasets of cold start have in common: fields, labels and protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import duckdb

from recbench.data.card import AnyProtocol
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.states_protocol import StatesProtocol
from recbench.datasets import movielens

GENRES = ("genre1", "genre2", "genre3")
"""The fields of a movie's first genres; the later ones may be without a value."""
OPTIONAL = GENRES[1:]
LABELS: Mapping[str, Literal["binary", "real"]] = {"rating": "real", "click": "binary"}
NOTES = (
    "The label is the rating, 1 to 5, or whether it is 4 or more (a click).",
    "Of a movie's genres the first three count, in the order of the file; its year is the one in "
    "its title.",
    "The zip code is as published, whole; age is one of MovieLens 1M's seven groups.",
    "Examples have no history: what is known of a new user or item is the support.",
)
DEPARTURES = {
    "states": (
        "The paper scores existing users with existing items on the episodes that it trains on.",
        "Half of the users, in every state, are validation; the paper has none.",
        "A training episode asks for at most half of what the queries held out leave of its user's "
        "ratings; the paper's asks for the very queries.",
        "Which users are new is drawn with a seed; the released code has a list.",
        "Of a movie the genres count; the paper adds its rate, director and actors from IMDb.",
    ),
    "phases": (
        "In the paper all new items are test.",
        "How many ratings an item has is no input; the released code counts them over test rows "
        "too.",
    ),
}
AGES = (18, 25, 35, 45, 50, 56)
"""Where MovieLens 1M's age groups begin; the first group, called 1, ends before them."""


def protocols(last: int, old: int, batch: int) -> dict[str, AnyProtocol]:
    """Return both protocols of cold start.

    Args:
        last: The last year whose movies exist; later ones are new.
        old: Movies with more ratings are old, where items are warmed up.
        batch: Ratings of a new movie in a warm-up phase.
    """
    return {"states": StatesProtocol(last), "phases": PhasesProtocol(old, batch)}


def make_views(db: duckdb.DuckDBPyConnection, genres: str, age: str) -> None:
    """Make `events`, `items` and `users` of `ratings`, `movies` and `profiles`.

    Args:
        db: Where those are.
        genres: DuckDB expression of a movie's genres, a list.
        age: DuckDB expression of a user's age group, a number.
    """
    chosen = ", ".join(f"genres[{place}] AS {name}" for place, name in enumerate(GENRES, 1))
    db.execute(
        rf"""CREATE VIEW events AS SELECT *, rating >= {movielens.LIKED} AS click FROM ratings;
        CREATE VIEW items AS SELECT item, year, {chosen} FROM (
            SELECT item, {genres} AS genres,
                   nullif(regexp_extract(title, '\((\d{{4}})\)\s*$', 1), '')::INTEGER AS year
            FROM movies);
        CREATE VIEW users AS SELECT user, gender, {age} AS age, occupation, zip FROM profiles"""  # noqa: S608
    )
