from dataclasses import replace

import numpy as np
import pytest

from recbench.data import DataConfig, prepare
from recbench.datasets.ml_100k import MovieLens100K
from recbench.datasets.ml_100k_coldstart import MovieLens100KColdStart
from recbench.datasets.simulated_ratings import SIZES, simulate_ratings
from recbench.datasets.simulation.rating_simulation import RatingSimulation
from recbench.errors import UsageError
from recbench.folders import Folders

TINY = SIZES["tiny"]
FILES = ("u.data", "u.item", "u.user")


def ratings(simulation, folder):
    """Return rows of user, movie, rating and time."""
    simulate_ratings(simulation, folder)
    return np.loadtxt(folder / "u.data", dtype=np.int64)


def explained(rows, columns):
    """Return the share of the variance of ratings that means of groups explain."""
    rating = rows[:, 2].astype(float)
    _, group = np.unique(columns, axis=0, return_inverse=True)
    group = group.ravel()
    counts = np.bincount(group)
    own = np.bincount(group, rating)[group] - rating  # without the rating itself
    kept = counts[group] > 5
    guess = own[kept] / (counts[group][kept] - 1)
    return 1 - ((rating[kept] - guess) ** 2).mean() / rating[kept].var()


def test_files_are_in_the_format_of_ml_100k_and_its_reader_takes_them(tmp_path):
    (tmp_path / "raw").mkdir()
    simulate_ratings(TINY, tmp_path / "raw")
    folders = Folders(tmp_path / "raw", tmp_path / "cache", tmp_path / "results")
    card = replace(MovieLens100K.card, counts=())
    dataset = type("Any", (MovieLens100K,), {"card": card})()
    manifest = prepare(dataset, DataConfig("ml-100k", source="real"), folders).manifest
    assert manifest.reports == []
    assert (manifest.counts["users"], manifest.counts["items"]) == (TINY.users, TINY.items)


def test_equal_constants_write_equal_bytes_and_another_seed_others(tmp_path):
    found = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        simulate_ratings(replace(TINY, seed=seed), tmp_path / name)
        found[name] = [(tmp_path / name / file).read_bytes() for file in FILES]
    assert found["first"] == found["again"]
    assert all(one != other for one, other in zip(found["first"], found["other"], strict=True))


def test_a_user_rates_a_movie_once_1_to_5_and_a_later_one_later(tmp_path):
    rows = ratings(TINY, tmp_path)
    assert len(np.unique(rows[:, :2], axis=0)) == len(rows)
    assert set(rows[:, 2]) == {1, 2, 3, 4, 5}
    assert np.bincount(rows[:, 0])[1:].min() >= 20
    low, high = MovieLens100KColdStart.card.time_range
    assert low <= rows[:, 3].min()
    assert rows[:, 3].max() <= high
    for user in range(1, 6):
        assert len(set(rows[rows[:, 0] == user, 3])) == (rows[:, 0] == user).sum()


def test_about_a_fifth_of_the_movies_is_new(tmp_path):
    simulate_ratings(TINY, tmp_path)
    lines = (tmp_path / "u.item").read_text().splitlines()
    years = np.array([int(line.split("|")[2][-4:]) for line in lines])
    assert 0.1 < (years > 1995).mean() < 0.3
    assert (years.min() >= 1950, years.max()) == (True, 1998)


def test_movies_and_users_tell_of_ratings_and_without_tastes_fields_do_not(tmp_path):
    rows = ratings(TINY, tmp_path / "told")
    assert explained(rows, rows[:, 1]) > 0.1
    assert explained(rows, rows[:, 0]) > 0.05


def test_what_fields_tell_follows_its_constant(tmp_path):
    found = []
    for told in (0.0, 1.0):
        folder = tmp_path / str(told)
        rows = ratings(replace(TINY, users=1000, told=told), folder)
        users = [line.split("|")[3] for line in (folder / "u.user").read_text().splitlines()]
        job = np.unique(users, return_inverse=True)[1][rows[:, 0] - 1]
        bias = np.array([rows[rows[:, 1] == item, 2].mean() for item in range(1, TINY.items + 1)])
        left = np.column_stack((rows[:, :2], rows[:, 2] - bias[rows[:, 1] - 1]))
        found.append(explained(left, np.column_stack((job, rows[:, 1]))))
    assert found[0] < 0.02
    assert found[1] > found[0] + 0.05


@pytest.mark.parametrize("protocol", ["states", "phases"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_every_size_has_episodes_of_every_state(tmp_path, protocol, size):
    folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    config = DataConfig("ml-100k-coldstart", protocol, "simulated", size)
    manifest = prepare(MovieLens100KColdStart(), config, folders).manifest
    assert (manifest.source, manifest.size) == ("simulated", size)
    for part in ("valid", "test"):
        assert list(manifest.characteristics["parts"][part]["states"]) == list(manifest.states)


@pytest.mark.parametrize(
    "change",
    [{"users": 0}, {"items": 0}, {"median": 0.5}, {"told": 1.1}, {"tastes": 0}, {"noise": -1.0},
     {"seed": -1}],
)  # fmt: skip
def test_constants_outside_their_range_are_refused(change):
    ((name, value),) = change.items()
    with pytest.raises(UsageError, match=f"{name} is {value}, outside its range"):
        RatingSimulation(**{"users": 5, "items": 5, "median": 3} | change)
