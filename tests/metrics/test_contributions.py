from __future__ import annotations

import numpy as np
import pytest

from recbench.metrics import METRICS


def rows(users: int = 60, seed: int = 0):
    """Return columns for every metric, users of one to nine rows, with ties among predictions."""
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), random.integers(1, 10, users))
    random.shuffle(user)
    label = random.integers(0, 2, len(user))
    prediction = np.round(random.normal(size=len(user)) + label, 1)
    rank = random.integers(1, 60, len(user)) / 2 + 0.5
    return {"label": label, "prediction": prediction, "user": user, "episode": user, "rank": rank}


@pytest.mark.parametrize("name", METRICS)
def test_contributions_add_up_to_the_score(name):
    found = METRICS[name].contributions(rows(), rows()["user"], 60)
    assert found.value == pytest.approx(METRICS[name](rows()), abs=1e-12)
    merged = found.merged(np.arange(60) % 7, 7)
    assert merged.value == pytest.approx(found.value, abs=1e-12)
    assert len(merged.gain) == 7


@pytest.mark.parametrize("name", [name for name in METRICS if name != "auc"])
def test_units_drawn_again_give_the_score_of_their_rows(name):
    """Exactly, for all scores but the AUC, which is no ratio of sums."""
    columns = rows()
    found = METRICS[name].contributions(columns, columns["user"], 60)
    times = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60))
    drawn = [
        {key: np.where(key in ("user", "episode"), 1000 * copy, 0) + each for key, each in own}
        for user, count in enumerate(times)
        for copy in range(count)
        for own in [[(key, column[columns["user"] == user]) for key, column in columns.items()]]
    ]
    again = {key: np.concatenate([each[key] for each in drawn]) for key in columns}
    ratio = (times @ found.gain) / (times @ found.weight)
    assert ratio == pytest.approx(METRICS[name](again), abs=1e-12)


def test_the_auc_of_units_drawn_again_is_met_to_first_order():
    columns = rows(users=2000)
    found = METRICS["auc"].contributions(columns, columns["user"], 2000)
    random, approximate, exact = np.random.default_rng(2), [], []
    for _ in range(200):
        times = random.multinomial(2000, np.full(2000, 1 / 2000))
        row = np.repeat(np.arange(len(columns["user"])), times[columns["user"]])
        exact.append(METRICS["auc"]({key: column[row] for key, column in columns.items()}))
        approximate.append((times @ found.gain) / (times @ found.weight))
    error = np.array(approximate) - exact
    assert np.std(error) < 0.05 * np.std(exact)
    assert abs(np.mean(error)) < 0.05 * np.std(exact)


def test_the_components_of_the_auc_are_those_of_delong():
    """Checked pair by pair."""
    columns = rows(users=30)
    label, score = columns["label"], columns["prediction"]
    wins = (score[label == 1, None] > score[label == 0]) + (
        score[label == 1, None] == score[label == 0]
    ) / 2
    units = np.arange(len(label))
    found = METRICS["auc"].contributions(columns, units, len(units))
    component = found.gain - found.value * found.weight
    np.testing.assert_allclose(
        component[label == 1], (wins.mean(1) - wins.mean()) / (label == 1).sum(), atol=1e-12
    )
    np.testing.assert_allclose(
        component[label == 0], (wins.mean(0) - wins.mean()) / (label == 0).sum(), atol=1e-12
    )


@pytest.mark.parametrize("name", ["auc", "gauc"])
def test_one_class_alone_has_no_score(name):
    columns = rows() | {"label": np.ones(len(rows()["label"]), int)}
    assert np.isnan(METRICS[name].contributions(columns, columns["user"], 60).value)
