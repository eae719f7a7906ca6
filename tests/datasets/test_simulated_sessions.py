from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recbench.data import DataConfig, prepare
from recbench.datasets.diginetica import Diginetica
from recbench.datasets.simulated_sessions import SIZES, simulate_sessions
from recbench.datasets.simulation.session_simulation import SessionSimulation
from recbench.errors import UsageError
from recbench.folders import Folders

TINY = SIZES["tiny"]


def simulate(simulation, folder) -> tuple[list[list[int]], list[list[int]]]:
    simulate_sessions(simulation, folder)
    train, test = ((folder / f"{part}_sessions.txt").read_text() for part in ("train", "test"))
    return numbers(train), numbers(test)


def numbers(text: str) -> list[list[int]]:
    return [[int(item) for item in line.split(" ")] for line in text.removesuffix("\n").split("\n")]


def followed(sessions: list[list[int]]) -> float:
    """Return how often the next click is one of the three that follow the last one most often."""
    pairs = np.array([pair for s in sessions for pair in zip(s, s[1:], strict=False)])
    counts = np.zeros((TINY.items + 1, TINY.items + 1), int)
    np.add.at(counts, tuple(pairs.T), 1)
    return np.sort(counts, 1)[:, -3:].sum() / len(pairs)


def test_sessions_are_as_many_and_as_long_as_asked_for(tmp_path):
    train, test = simulate(TINY, tmp_path)
    assert (len(train), len(test)) == (1380, 120)
    lengths = np.array([len(session) for session in train + test])
    assert lengths.min() == 2
    assert lengths.max() <= 70
    assert lengths.mean() == pytest.approx(TINY.mean_clicks, rel=0.05)
    items = {item for session in train for item in session}
    assert items <= set(range(1, TINY.items + 1))
    assert len(items) > 0.9 * TINY.items


def test_equal_constants_write_equal_bytes_and_another_seed_others(tmp_path):
    first, again, other = (
        simulate(replace(TINY, seed=seed), tmp_path / name)
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first == again
    assert first != other


def test_clicks_follow_the_last_one_and_stay_with_the_intent(tmp_path):
    plain = replace(TINY, follow=0.0, stay=0.0)
    found = {
        name: simulate(simulation, tmp_path / name)[0]
        for name, simulation in {
            "both": TINY, "intent": replace(TINY, follow=0.0), "none": plain,
        }.items()
    }  # fmt: skip
    assert followed(found["both"]) > followed(found["intent"]) + 0.2
    again = {name: np.mean([len(set(s)) < len(s) for s in each]) for name, each in found.items()}
    assert again["intent"] > again["none"] + 0.1  # there are few items of one intent


@pytest.mark.parametrize(
    ("name", "value"),
    [("sessions", 1), ("items", 3), ("intents", 0), ("mean_clicks", 2.0), ("follow", 1.1)]
    + [("stay", 0.9), ("successors", 0), ("test", 0.0), ("seed", -1)],
)
def test_constants_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"{name} is {value}"):
        SessionSimulation(**vars(TINY) | {name: value})


def test_they_prepare_as_the_real_files_do_and_say_that_they_are_simulated(tmp_path):
    folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    config = DataConfig("diginetica", source="simulated", size="tiny")
    prepared = prepare(Diginetica(), config, folders)
    about = prepared.manifest
    assert (about.source, about.size, about.attainable) == ("simulated", "tiny", False)
    assert [field.name for field in prepared.schema.fields] == ["item"]
    assert about.counts["users"] == TINY.sessions
    assert prepared.open_test().oracle is None
