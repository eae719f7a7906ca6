"""The simulated log of behaviour: its format, and what its constants do."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from behaviour_log import DAY, MIDNIGHT, TINY, WORN
from pyarrow import csv

from recbench.datasets.simulated import SIZES, BehaviourSimulation, Oracle, simulate
from recbench.errors import UsageError


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
