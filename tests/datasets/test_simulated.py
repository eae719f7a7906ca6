from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pyarrow import csv

from recbench.datasets.simulated import SIZES, BehaviourSimulation, Oracle, simulate
from recbench.errors import DataError, UsageError
from recbench.metrics import auc

TINY = SIZES["tiny"]
WORN = replace(TINY, items_per_cell=3)
"""A world so small that users meet whole cells and start them again."""
SILENT = replace(TINY, activity=0.0, order=0.0, taste=0.0)
MIDNIGHT = 1_511_539_200
DAY = 86_400


class Simulated(NamedTuple):
    folder: Path
    oracle: Oracle
    user: np.ndarray
    item: np.ndarray
    category: np.ndarray
    behaviour: np.ndarray
    time: np.ndarray

    @property
    def is_view(self) -> np.ndarray:
        return self.behaviour == "pv"

    def last_views(self, day: int) -> np.ndarray:
        """Return the rows of each user's last five page views of a day."""
        rows = np.flatnonzero(self.is_view & ((self.time - MIDNIGHT) // DAY == day))
        user = self.user[rows]
        from_end = np.searchsorted(user, user, side="right") - np.arange(len(rows))
        return rows[from_end <= 5]

    def negatives(self, rows: np.ndarray) -> np.ndarray:
        """Draw for each row an item of another one that the row's user never met."""
        rng = np.random.default_rng(0)
        met = set(zip(self.user.tolist(), self.item.tolist(), strict=True))
        drawn = []
        for user in self.user[rows].tolist():
            item = int(rng.choice(self.item[rows]))
            while (user, item) in met:
                item = int(rng.choice(self.item[rows]))
            drawn.append(item)
        return np.array(drawn)

    def auc(self) -> float:
        rows = self.last_views(8)
        user, time = np.tile(self.user[rows], 2), np.tile(self.time[rows], 2)
        item = np.r_[self.item[rows], self.negatives(rows)]
        label = np.repeat([1, 0], len(rows))
        return auc(label, self.oracle.log_odds(user, time, item))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    @cache
    def load(simulation: BehaviourSimulation) -> Simulated:
        folder = tmp_path_factory.mktemp("simulated")
        simulate(simulation, folder)
        names = ["user", "item", "category", "behaviour", "time"]
        table = csv.read_csv(
            folder / "UserBehavior.csv", read_options=csv.ReadOptions(column_names=names)
        )
        columns = (table[name].to_numpy(zero_copy_only=False) for name in names)
        return Simulated(folder, Oracle.load(folder), *columns)

    return load


def test_every_line_has_the_real_file_s_format(simulated):
    text = (simulated(TINY).folder / "UserBehavior.csv").read_text()
    assert re.fullmatch(r"(?:\d+,\d+,\d+,(?:pv|buy|cart|fav),\d{10}\n)+", text)


def test_users_are_grouped_and_their_times_rise_within_the_nine_days(simulated):
    data = simulated(TINY)
    same_user = data.user[1:] == data.user[:-1]
    assert (~same_user).sum() + 1 == len(np.unique(data.user)) == TINY.users
    assert (np.diff(data.time)[same_user] > 0).all()
    assert data.time.min() >= MIDNIGHT
    assert data.time.max() < MIDNIGHT + 9 * DAY


def test_times_fit_the_nine_days_when_a_life_is_crowded(simulated):
    data = simulated(
        BehaviourSimulation(users=3, mean_events=10_000, categories=12, items_per_cell=200)
    )
    same_user = data.user[1:] == data.user[:-1]
    assert (np.diff(data.time)[same_user] > 0).all()
    assert MIDNIGHT <= data.time.min() < data.time.max() < MIDNIGHT + 9 * DAY


def test_evenings_are_busier_than_nights(simulated):
    hour = (simulated(TINY).time - MIDNIGHT) % DAY // 3600
    by_hour = np.bincount(hour, minlength=24)
    assert by_hour[20:23].sum() > 3 * by_hour[2:5].sum()


def test_numbers_of_events_have_the_mean_asked_for_and_a_long_tail(simulated):
    counts = np.unique(simulated(TINY).user, return_counts=True)[1]
    assert counts.mean() == pytest.approx(TINY.mean_events, rel=0.1)
    assert counts.max() > 3 * np.median(counts)


def test_ids_are_spread_over_the_real_ranges(simulated):
    data = simulated(TINY)
    assert 1 <= data.user.min() < data.user.max() <= 1_018_011
    assert 1 <= data.item.min() < data.item.max() <= 5_163_070
    assert data.item.max() > 1000 * TINY.items
    assert data.category.max() > 1000 * TINY.categories


def test_an_item_has_one_category(simulated):
    data = simulated(TINY)
    pairs = np.unique(np.stack([data.item, data.category]), axis=1)
    assert pairs.shape[1] == len(np.unique(data.item)) <= TINY.items
    assert len(np.unique(data.category)) == TINY.categories


def test_nine_events_in_ten_are_page_views(simulated):
    names, counts = np.unique(simulated(TINY).behaviour, return_counts=True)
    share = dict(zip(names, counts / counts.sum(), strict=True))
    assert share == pytest.approx({"pv": 0.9, "cart": 0.05, "fav": 0.03, "buy": 0.02}, abs=0.01)


def test_other_behaviours_repeat_the_item_just_viewed(simulated):
    data = simulated(TINY)
    latest_view = np.maximum.accumulate(np.where(data.is_view, np.arange(len(data.user)), 0))
    np.testing.assert_array_equal(data.item, data.item[latest_view])
    np.testing.assert_array_equal(data.user, data.user[latest_view])


def test_page_views_hardly_ever_repeat_an_item(simulated):
    data = simulated(TINY)
    views = np.stack([data.user, data.item])[:, data.is_view]
    assert np.unique(views, axis=1).shape[1] > 0.99 * views.shape[1]


def test_equal_simulations_write_equal_bytes(simulated, tmp_path):
    simulate(TINY, tmp_path)
    for name in ("UserBehavior.csv", "oracle.npz"):
        assert (tmp_path / name).read_bytes() == (simulated(TINY).folder / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["UserBehavior.csv", "oracle.npz"]


def test_another_seed_writes_other_bytes(simulated):
    other = simulated(replace(TINY, seed=1))
    csv_of = [data.folder / "UserBehavior.csv" for data in (other, simulated(TINY))]
    assert csv_of[0].read_bytes() != csv_of[1].read_bytes()


def test_a_failed_simulation_leaves_the_earlier_one_whole(simulated, tmp_path):
    simulate(WORN, tmp_path)
    before = (tmp_path / "UserBehavior.csv").read_bytes()

    def stop(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate(TINY, tmp_path, stop)
    assert (tmp_path / "UserBehavior.csv").read_bytes() == before
    assert Oracle.load(tmp_path).simulation == WORN


def test_chunks_of_users_join_in_file_and_oracle(simulated, monkeypatch, tmp_path):
    monkeypatch.setattr("recbench.datasets.simulated._CHUNK_USERS", 64)
    shares: list[float] = []
    simulate(replace(WORN, users=150), tmp_path, shares.append)
    assert shares == pytest.approx([64 / 150, 128 / 150, 1])
    rows = csv.read_csv(
        tmp_path / "UserBehavior.csv",
        read_options=csv.ReadOptions(column_names=["user", "item", "_", "behaviour", "time"]),
    ).to_pylist()
    last = {row["user"]: row for row in rows if row["behaviour"] == "pv"}
    late = [row for row in last.values() if row["time"] >= MIDNIGHT + 7 * DAY]
    asked = (np.array([row[name] for row in late]) for name in ("user", "time", "item"))
    assert len(last) == 150
    assert np.isfinite(Oracle.load(tmp_path).log_odds(*asked)).all()


@pytest.mark.parametrize("simulation", [TINY, WORN, SILENT], ids=["tiny", "worn", "silent"])
def test_probabilities_sum_to_one_and_explain_what_was_drawn(simulated, simulation):
    data = simulated(simulation)
    items = data.oracle._world.item_ids
    rows = np.r_[data.last_views(7), data.last_views(8)][:: len(items) // 300]
    user, time = np.repeat(data.user[rows], len(items)), np.repeat(data.time[rows], len(items))
    asked = np.tile(items, len(rows))
    terms = data.oracle.terms(user, time, asked)
    p = np.exp(sum(terms) + data.oracle.log_popularity(asked)).reshape(len(rows), len(items))
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
    drawn = items == data.item[rows, None]
    favoured = {
        "active interest": terms.activity > 1,
        "interest": terms.activity > 0,
        "next stage": terms.order > 0,
        "own brand": terms.taste > 0,
        "first of its cell": np.tile(
            np.arange(len(items)) % simulation.items_per_cell == 0, len(rows)
        ),
    }
    for name, flags in favoured.items():
        is_favoured = flags.reshape(p.shape)
        expected = (p * is_favoured).sum(1)
        deviation = np.sqrt((expected * (1 - expected)).clip(0).sum())
        excess = (drawn & is_favoured).sum() - expected.sum()
        assert abs(excess) <= 3.5 * deviation, name


def test_popularity_sums_to_one(simulated):
    oracle = simulated(TINY).oracle
    assert np.exp(oracle.log_popularity(oracle._world.item_ids)).sum() == pytest.approx(1, abs=1e-9)


def test_what_is_met_cannot_come_again(simulated):
    data = simulated(TINY)
    rows = data.last_views(8)
    earlier = rows - 1
    same = data.is_view[earlier] & (data.user[earlier] == data.user[rows])
    odds = data.oracle.log_odds(
        data.user[rows][same], data.time[rows][same], data.item[earlier][same]
    )
    assert (odds == -np.inf).mean() > 0.9  # the rest closed a cell and started it again


def test_the_oracle_tells_positives_from_negatives(simulated):
    assert 0.85 < simulated(TINY).auc() < 0.98


def test_nothing_tells_them_apart_when_all_strengths_are_zero(simulated):
    assert simulated(SILENT).auc() == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("strength", ["activity", "order", "taste"])
def test_the_term_of_a_mechanism_without_strength_is_zero(simulated, strength):
    for simulation, is_zero in ((replace(TINY, **{strength: 0.0}), True), (TINY, False)):
        data = simulated(simulation)
        rows = data.last_views(8)
        terms = data.oracle.terms(data.user[rows], data.time[rows], data.item[rows])._asdict()
        assert (terms.pop(strength) == 0).all() == is_zero
        assert all((term != 0).any() for term in terms.values())


@pytest.mark.parametrize("strength", ["activity", "order", "taste"])
def test_a_mechanism_without_strength_lowers_the_attainable_score(simulated, strength):
    assert simulated(replace(TINY, **{strength: 0.0})).auc() < simulated(TINY).auc() - 0.02


def test_strengths_leave_the_popularity_of_categories_alone(simulated):
    oracle, silent = simulated(TINY).oracle, simulated(SILENT).oracle
    np.testing.assert_allclose(oracle._categories, silent._categories, rtol=0.25)


def test_no_events_have_no_log_odds(simulated):
    none = np.array([], np.int64)
    assert simulated(TINY).oracle.log_odds(none, none, none).shape == (0,)


def test_an_event_or_item_of_another_file_is_refused(simulated):
    data = simulated(TINY)
    row = data.last_views(8)[:1]
    user, time, item = data.user[row], data.time[row], data.item[row]
    with pytest.raises(DataError, match="1 of 1 events"):
        data.oracle.log_odds(user, time + 1, item)
    with pytest.raises(DataError, match="1 of 1 events"):
        data.oracle.log_odds(user * 0, time, item)
    with pytest.raises(DataError, match="1 of 1 item ids"):
        data.oracle.log_odds(user, time, item * 0)


def test_a_missing_or_damaged_oracle_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"oracle\.npz"):
        Oracle.load(tmp_path)
    (tmp_path / "oracle.npz").write_bytes(b"PK damaged")
    with pytest.raises(DataError, match="simulate the data set again"):
        Oracle.load(tmp_path)


def test_the_oracle_of_another_version_is_refused(simulated, monkeypatch):
    folder = simulated(TINY).folder
    monkeypatch.setattr("recbench.datasets.simulation.oracle.VERSION", 99)
    with pytest.raises(DataError, match="version 1, need 99"):
        Oracle.load(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("users", 0),
        ("users", 2_000_000),
        ("mean_events", 20_000),
        ("interests", 13),
        ("brands", 257),
        ("items_per_cell", 10**6),
        ("taste", 1.5),
        ("length_spread", -1.0),
        ("seed", -1),
    ],
)
def test_constants_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"{name} is {value}"):
        replace(TINY, **{name: value})


def test_sizes_have_the_numbers_of_events_they_promise():
    events = {name: size.users * size.mean_events for name, size in SIZES.items()}
    assert events == {
        "tiny": 36_000,
        "small": 2_550_000,
        "medium": 10_000_000,
        "full": 100_000_000,
    }
