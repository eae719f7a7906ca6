import numpy as np
import pytest

from recbench.data.negatives import draw_negatives, draw_other_items, item_pool
from recbench.data.protocol import Negatives


def draw(negatives, pool, user, log, seed=0):
    log_user, log_item = np.array(log).T
    random = np.random.default_rng(seed)
    return draw_negatives(negatives, pool, np.asarray(user), log_user, log_item, random)


def test_popular_negatives_are_as_frequent_as_positives():
    random = np.random.default_rng(0)
    positives = random.zipf(1.6, size=4000) % 12
    log = [(7, 99)]  # so that nothing in the pool is met
    negatives = Negatives("popularity", per_positive=5)
    pool = item_pool(negatives, positives, np.arange(100), items=100)
    drawn = draw(negatives, pool, np.full(4000, 7), log).ravel()
    expected = np.bincount(positives, minlength=12) * 5.0
    seen = np.bincount(drawn, minlength=12)
    common = expected > 0
    assert (seen[~common] == 0).all()
    statistic = ((seen - expected)[common] ** 2 / expected[common]).sum()
    assert statistic < 31.3  # chi-square with 11 degrees of freedom passes this once in a thousand


def test_uniform_negatives_are_items_of_the_whole_log_alike():
    negatives = Negatives("uniform", per_positive=10)
    pool = item_pool(negatives, np.zeros(3, np.int64), np.zeros(3, np.int64), items=20)
    drawn = draw(negatives, pool, np.zeros(1000, np.int64), [(0, 3)]).ravel()
    seen = np.bincount(drawn, minlength=20)
    assert seen[3] == 0
    expected = 10_000 / 19
    assert ((np.delete(seen, 3) - expected) ** 2 / expected).sum() < 42.3  # 18 degrees of freedom


def test_a_target_without_a_possible_negative_gets_minus_one():
    negatives = Negatives("uniform", per_positive=2)
    log = [(4, 0), (4, 1), (4, 2), (5, 0)]
    drawn = draw(negatives, np.arange(3), [4, 5, 4], log)
    assert drawn[[0, 2]].tolist() == [[-1, -1], [-1, -1]]
    assert set(drawn[1]) <= {1, 2}


def test_items_of_the_whole_log_are_drawn_as_often_as_they_are_there():
    log = np.repeat(np.arange(4, dtype=np.int32), [1, 2, 3, 4])
    pool = item_pool(Negatives("log"), np.zeros(2, np.int64), log, items=4)
    drawn = draw_other_items(Negatives("log"), pool, np.full(6000, 3), np.random.default_rng(1))
    seen = np.bincount(drawn.ravel(), minlength=4)
    expected = np.array([1000, 2000, 3000])
    assert seen[3] == 0
    assert ((seen[:3] - expected) ** 2 / expected).sum() < 13.8  # 2 degrees of freedom


def test_a_target_that_is_the_only_item_gets_minus_one():
    negatives = Negatives("uniform", per_positive=2, never="target")
    random = np.random.default_rng(0)
    assert draw_other_items(negatives, np.zeros(1, np.int64), np.zeros(1, int), random).max() == -1
    drawn = draw_other_items(negatives, np.arange(2), np.array([0, 1]), random)
    assert drawn.tolist() == [[1, 1], [0, 0]]


def test_several_negatives_cannot_take_one_place():
    with pytest.raises(ValueError, match="per_positive=1"):
        Negatives("uniform", per_positive=2, replace=0.5)
