"""The oracle of the simulated log: its probabilities, and what it refuses to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from behaviour_log import SILENT, TINY, WORN

from recbench.datasets.simulated import Oracle
from recbench.errors import DataError


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
