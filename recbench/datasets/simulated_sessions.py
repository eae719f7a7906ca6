"""Simulated sessions of a shop, in the session files' format, so that no download is needed.

SIMULATED: a click follows the one before it (as in a first-order Markov chain), or the session's
intent, or nothing but popularity. The first is what `markov` can know; a model that keeps the
session's intent in mind, across a click that had nothing to do with it, can do better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.session_files import FILES
from recbench.datasets.simulation.session_simulation import SessionSimulation

Ints = NDArray[np.int64]

VIEWS_FILE = "train-item-views.csv"
FIRST_DAY, DAYS = np.datetime64("2016-01-01"), 100
"""When the sessions of `VIEWS_FILE` took place: as many each day, the last week being test."""
LONGEST = 70
"""Most clicks of a session, as in the real file."""
SIZES = {
    "tiny": SessionSimulation(sessions=1_500, items=240, intents=12),
    "small": SessionSimulation(sessions=30_000, items=3_000, intents=60),
}
"""The sizes on offer: about 7 and 145 thousand clicks."""


def simulate_sessions(simulation: SessionSimulation, folder: Path) -> None:
    """Write `FILES` and `VIEWS_FILE` to `folder`, which is made if need be."""
    random = np.random.default_rng(simulation.seed)
    extra = random.geometric(1 / (simulation.mean_clicks - 1), simulation.sessions)
    lengths = np.minimum(1 + extra, LONGEST)
    clicks = _clicks(simulation, int(lengths.max()), random)
    ids = 1 + random.permutation(simulation.items)
    lines = [ids[row[:length]] for row, length in zip(clicks, lengths, strict=True)]
    first = simulation.sessions - max(1, round(simulation.test * simulation.sessions))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / FILES["train"], lines[:first])
    _write(folder / FILES["test"], lines[first:])
    _write_views(folder / VIEWS_FILE, lines)


def _clicks(simulation: SessionSimulation, length: int, random: np.random.Generator) -> Ints:
    """Return the items of sessions of one length, [sessions, length]; item i is of intent i % K."""
    sessions, intents = simulation.sessions, simulation.intents
    ranks = simulation.items // intents

    def popular(count: int) -> Ints:
        weight = 1 / np.arange(1, count + 1) ** 0.8
        return random.choice(count, sessions, p=weight / weight.sum())

    weight = 0.5 ** np.arange(simulation.successors)
    leads = random.integers(ranks, size=(ranks * intents, simulation.successors))
    intent = popular(intents)
    clicks = [popular(ranks) * intents + intent]
    for _ in range(length - 1):
        last, draw = clicks[-1], random.random(sessions)
        which = random.choice(len(weight), sessions, p=weight / weight.sum())
        following = leads[last, which] * intents + last % intents
        staying = popular(ranks) * intents + intent
        any_item = popular(ranks) * intents + popular(intents)
        choices = [draw < simulation.follow, draw < simulation.follow + simulation.stay]
        clicks.append(np.select(choices, [following, staying], any_item))
    return np.stack(clicks, 1)


def _write(path: Path, sessions: Iterable[Ints]) -> None:
    path.write_text("".join(" ".join(map(str, session)) + "\n" for session in sessions))


def _write_views(path: Path, sessions: Sequence[Ints]) -> None:
    """Write the sessions a click a line, half a minute apart."""
    rows = ["sessionId;userId;itemId;timeframe;eventdate\n"]
    for number, session in enumerate(sessions):
        day = FIRST_DAY + number * DAYS // len(sessions)
        rows += [f"{number};NA;{item};{i * 30_000};{day}\n" for i, item in enumerate(session)]
    path.write_text("".join(rows))
