import numpy as np
import pytest

from recbench.data.describe import gini
from recbench.data.protocol import GlobalTime, LeaveLastTwoOut, Negatives, Protocol


def test_gini_of_equal_counts_is_0_and_of_one_winner_almost_1():
    assert gini(np.full(10, 3)) == pytest.approx(0)
    assert gini(np.array([0] * 99 + [50])) == pytest.approx(0.99)
    assert gini(np.array([3, 1])) == pytest.approx(0.25)


def test_characteristics_of_a_small_log(prepare_rows):
    rows = [(1, i, 0, i, 1) for i in range(4)] + [(2, 0, 0, 4, 0), (3, 9, 0, 5, 1)]
    protocol = Protocol(GlobalTime(valid=1 / 6, test=1 / 6, unit="share"))
    found = prepare_rows(rows, protocol).manifest.characteristics
    assert found["density"] == pytest.approx(6 / (3 * 5))
    assert found["events_per_user"]["0.5"] == 1
    assert found["events_per_user"]["1"] == 4
    assert found["item_popularity_gini"] == pytest.approx(gini(np.array([2, 1, 1, 1, 1])), abs=1e-6)
    assert found["parts"]["train"]["label_rate"] == 1
    assert found["parts"]["train"]["history_length"]["1"] == 3
    assert found["parts"]["valid"] == {
        "label_rate": 0,
        "history_length": dict.fromkeys(found["events_per_user"], 0),
        "unseen_users": 1,
        "unseen_items": 0,
    }
    assert found["parts"]["test"]["unseen_items"] == 1


def test_leakage_counts_test_targets_before_the_last_training_event(prepare_rows):
    rows = [(1, n, 0, 10 * n) for n in range(5)]  # test target at 40
    rows += [(2, 10 + n, 0, 100 + n) for n in range(5)]  # training ends at 102
    protocol = Protocol(LeaveLastTwoOut(), Negatives("uniform"))
    found = prepare_rows(rows, protocol).manifest.leakage
    assert found == {"known": True, "test_before_train_end": 1, "share": 0.5}


def test_a_split_by_time_does_not_leak(tiny):
    assert tiny.manifest.leakage == {"known": True, "test_before_train_end": 0, "share": 0.0}


def test_leakage_is_unknown_without_times(prepare_rows):
    rows = [(u, u + n, 0, n) for u in range(3) for n in range(5)]
    protocol = Protocol(LeaveLastTwoOut(), Negatives("uniform"), timed=False)
    assert prepare_rows(rows, protocol).manifest.leakage["known"] is False
