import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from recbench.metrics import METRICS, auc, gauc, logloss, scored_users

# Four users, in rows: a has AUC 3/4, b 0, c 3/4 (a tie counts half), d clicked everything.
USERS = np.array(list("aaaabbcccdd"))
LABELS = np.array([1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1])
SCORES = np.array([0.9, 0.8, 0.3, 0.4, 0.2, 0.6, 0.5, 0.5, 0.1, 0.7, 0.2])


def gauc_by_user(labels, scores, users):
    total, rows = 0.0, 0
    for user in np.unique(users):
        own = users == user
        if 0 < labels[own].sum() < own.sum():
            total += own.sum() * roc_auc_score(labels[own], scores[own])
            rows += own.sum()
    return total / rows


def draw(seed, levels, rows=500, users=40):
    """Random rows whose scores take `levels` values, so that few levels give many ties."""
    random = np.random.default_rng(seed)
    return (
        random.integers(0, 2, rows),
        random.integers(0, levels, rows) / levels,
        random.integers(0, users, rows),
    )


@pytest.mark.parametrize("levels", [2, 10, 10**6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_auc_agrees_with_scikit_learn(levels, dtype):
    labels, scores, _ = draw(levels, levels)
    scores = scores.astype(dtype)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("levels", [2, 10, 10**6])
def test_gauc_agrees_with_scikit_learn_user_by_user(levels):
    labels, scores, users = draw(levels, levels)
    expected = gauc_by_user(labels, scores, users)
    assert gauc(labels, scores, users) == pytest.approx(expected, abs=1e-12)


def test_gauc_weighs_users_by_rows_and_drops_those_of_one_class():
    assert gauc(LABELS, SCORES, USERS) == pytest.approx((4 * 0.75 + 2 * 0.0 + 3 * 0.75) / 9)
    assert scored_users(LABELS, USERS) == 3


def test_gauc_does_not_depend_on_row_order():
    order = np.random.default_rng(0).permutation(len(LABELS))
    shuffled = gauc(LABELS[order], SCORES[order], USERS[order])
    assert shuffled == pytest.approx(gauc(LABELS, SCORES, USERS), abs=1e-15)


def test_gauc_of_one_user_is_auc():
    labels, scores, _ = draw(3, 7)
    assert gauc(labels, scores, np.zeros(len(labels))) == auc(labels, scores)


def test_pooled_auc_of_the_four_users_differs_from_gauc():
    rows = USERS != "d"
    assert auc(LABELS[rows], SCORES[rows]) == pytest.approx(0.525)
    assert gauc(LABELS, SCORES, USERS) == pytest.approx(0.5833333)


@pytest.mark.parametrize("constant", [0.0, -3.5, np.inf])
def test_a_constant_scorer_is_at_chance(constant):
    scores = np.full(len(LABELS), constant)
    assert auc(LABELS, scores) == 0.5
    assert gauc(LABELS, scores, USERS) == 0.5


def test_auc_is_one_for_the_right_order_and_zero_for_its_reverse():
    labels = np.array([0, 0, 1, 1])
    assert auc(labels, [-np.inf, 0.1, 0.2, np.inf]) == 1.0
    assert auc(labels, [4.0, 3.0, 2.0, 1.0]) == 0.0


def test_logloss_agrees_with_scikit_learn():
    labels, logits, _ = draw(5, 10**6)
    logits = 8 * logits - 4
    assert logloss(labels, logits) == pytest.approx(log_loss(labels, expit(logits)), abs=1e-12)


def test_logloss_stays_exact_where_the_probability_rounds_to_one():
    assert logloss([0], np.array([1000.0], np.float32)) == 1000.0
    assert logloss([1], [1000.0]) == 0.0
    assert logloss([1], [40.0]) == pytest.approx(np.exp(-40.0), rel=1e-9)


@pytest.mark.parametrize("labels", [[], [1, 1], [0, 0]])
def test_auc_and_gauc_are_nan_where_no_pair_exists(labels):
    scores = np.arange(len(labels), dtype=float)
    assert np.isnan(auc(labels, scores))
    assert np.isnan(gauc(labels, scores, np.zeros(len(labels))))
    assert scored_users(labels, np.zeros(len(labels))) == 0


def test_logloss_without_rows_is_nan():
    assert np.isnan(logloss([], []))


@pytest.mark.parametrize("name", ["auc", "gauc", "logloss"])
def test_wrong_arguments_are_refused(name):
    def metric(labels, logits, users):
        return METRICS[name]({"label": labels, "prediction": logits, "user": users})

    with pytest.raises(ValueError, match="expected no nan, got 1 of 2"):
        metric([0, 1], [np.nan, 1.0], [0, 0])
    with pytest.raises(ValueError, match="labels: expected only 0 and 1, got 0.5"):
        metric([0.5, 1.0], [0.0, 1.0], [0, 0])
    with pytest.raises(ValueError, match=r"expected shape \[2\], got \(3,\)"):
        metric([0, 1], [0.0, 1.0, 2.0], [0, 0])


def test_gauc_refuses_users_of_another_length():
    with pytest.raises(ValueError, match=r"users: expected shape \[2\], got \(1,\)"):
        gauc([0, 1], [0.0, 1.0], [0])


def test_gauc_does_not_depend_on_how_users_are_numbered():
    random = np.random.default_rng(0)
    users = random.integers(0, 300, 3000)
    labels, scores = random.integers(0, 2, 3000), random.normal(size=3000)
    values = {gauc(labels, scores, random.permutation(300)[users]) for _ in range(20)}
    assert len(values) == 1
