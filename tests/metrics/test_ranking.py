import math
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from recbench.metrics import mean_rank, mrr, ndcg, ndcg_of_order, ndcg_of_rows, recall


def test_mean_rank_of_ties():
    assert mean_rank([0, 3, 0], [0, 0, 4]).tolist() == [1.0, 4.0, 3.0]


def test_a_constant_scorer_ranks_every_target_in_the_middle():
    candidates = 101
    assert mean_rank(0, candidates - 1) == (candidates + 1) / 2


def test_metrics_of_known_ranks():
    ranks = [1.0, 2.5, 3.0, 4.0]
    assert recall(ranks, k=3) == 3 / 4
    assert mrr(ranks, k=3) == pytest.approx((1 + 1 / 2.5 + 1 / 3) / 4)
    assert ndcg(ranks, k=3) == pytest.approx((1 + 1 / np.log2(3.5) + 1 / 2) / 4)


def test_ndcg_agrees_with_scikit_learn_for_one_relevant_item():
    scores = np.random.default_rng(0).random((50, 30))
    relevance = np.zeros_like(scores)
    relevance[:, 0] = 1
    ranks = mean_rank((scores[:, 1:] > scores[:, :1]).sum(1), 0)
    assert ndcg(ranks, k=5) == pytest.approx(ndcg_score(relevance, scores, k=5))


@pytest.mark.parametrize("metric", [recall, mrr, ndcg])
def test_no_target_gives_nan_and_wrong_arguments_are_refused(metric):
    assert np.isnan(metric([], k=5))
    with pytest.raises(ValueError, match="k: expected at least 1, got 0"):
        metric([1.0], k=0)
    with pytest.raises(ValueError, match=r"ranks: expected numbers of at least 1, got 0\.0"):
        metric([0.0, 1.0], k=5)
    with pytest.raises(ValueError, match="ranks: expected numbers of at least 1, got nan"):
        metric([np.nan, 1.0], k=5)


def test_ndcg_of_graded_order():
    assert ndcg_of_order([3, 5, 4]) == pytest.approx(0.7746989, abs=5e-8)
    assert ndcg_of_order([5, 4, 3]) == 1.0
    assert ndcg_of_order([3, 5, 4], k=1) == pytest.approx(7 / 31)


def test_ndcg_of_many_orders_agrees_with_scikit_learn():
    relevance = np.random.default_rng(1).integers(0, 6, (20, 10))
    position = np.broadcast_to(-np.arange(10.0), (20, 10))
    each = ndcg_of_order(relevance, k=3)
    assert each.shape == (20,)
    assert each.mean() == pytest.approx(ndcg_score(2.0**relevance - 1, position, k=3))


def test_ndcg_of_order_is_nan_where_nothing_is_relevant():
    assert np.isnan(ndcg_of_order([[0, 0], [0, 1]])).tolist() == [True, False]


def test_ndcg_of_rows_is_that_of_each_group_in_the_order_of_its_predictions():
    labels, predictions = [3, 5, 4, 1, 2], [0.9, 0.8, 0.1, 0.0, 1.0]
    first, second = ndcg_of_order([3, 5, 4], 3), ndcg_of_order([2, 1], 3)
    found = ndcg_of_rows(labels, predictions, [7, 7, 7, 3, 3], 3)
    assert first == pytest.approx(0.7746989, abs=1e-7)
    assert found == pytest.approx((first + second) / 2)


def test_ndcg_of_rows_gives_equal_predictions_the_mean_of_all_their_orders():
    labels = [2, 0, 1]
    orders = [ndcg_of_order(order, 2) for order in permutations(labels)]
    assert ndcg_of_rows(labels, [1, 1, 1], [0, 0, 0], 2) == pytest.approx(np.mean(orders))


@pytest.mark.parametrize("place", [0, 1])
def test_ndcg_of_rows_takes_no_nan(place):
    columns = [[1, 0], [0.5, 0.1]]
    columns[place] = [1, math.nan]
    with pytest.raises(ValueError, match="expected no nan, got 1 of 2"):
        ndcg_of_rows(*columns, [0, 0], 1)


def test_ndcg_of_rows_leaves_out_groups_without_anything_relevant():
    assert ndcg_of_rows([0, 0, 1], [1, 2, 3], [0, 0, 1], 3) == 1
    assert math.isnan(ndcg_of_rows([0, 0], [1, 2], [0, 0], 3))
    assert math.isnan(ndcg_of_rows([], [], [], 3))
