from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from recbench_models.session import rows
from recbench_models.session.item_knn import ItemKNN, ItemKNNConfig
from recbench_models.session.markov import Markov, MarkovConfig
from recbench_models.session.popularity import ItemPopularity, ItemPopularityConfig
from recbench_models.session.rows import SparseRows, count_pairs

from recbench.errors import UsageError
from recbench.schema import FIRST_ID, UNSEEN
from recbench.training import TrainingConfig, TrainingRun

SESSIONS = [[2, 3, 4], [2, 3, 2, 3], [5, 3, 4, 4], [9, 2, 3]]
ITEMS = range(FIRST_ID, FIRST_ID + 30)


@pytest.fixture
def fit(session_schema, make_sessions, tmp_path: Path):
    """Return a function that fits a model on every prefix of `SESSIONS`, in two batches."""

    def fitted(model, config):
        built = model(session_schema, config)
        examples = [(s[:i], s[i]) for s in SESSIONS for i in range(1, len(s))]
        batches = [
            make_sessions(*(h for h, _ in part), targets=[t for _, t in part])
            for part in (examples[:4], examples[4:])
        ]
        for _ in range(2):  # a second fit starts anew
            result = built.fit(
                batches, lambda model: {"mrr@20": 0.5}, TrainingRun(TrainingConfig(), tmp_path)
            )
        assert result.best == {"mrr@20": 0.5}
        restored = model(session_schema, config)
        restored.load_state_dict(built.state_dict())
        features = make_sessions([2], [4, 3], []).features
        assert torch.equal(restored(features), built(features))
        return built

    return fitted


def test_popularity_counts_what_came_next(fit, make_sessions):
    scores = fit(ItemPopularity, ItemPopularityConfig())(make_sessions([2], []).features)
    counts = Counter(item for session in SESSIONS for item in session[1:])
    expected = [math.log1p(counts[item]) for item in ITEMS]
    assert scores.tolist() == [pytest.approx(expected)] * 2


def test_markov_scores_are_probabilities_after_the_last_item(fit, make_sessions):
    model = fit(Markov, MarkovConfig())
    after = Counter(
        pair for session in SESSIONS for pair in zip(session, session[1:], strict=False)
    )
    popularity = Counter(item for session in SESSIONS for item in session[1:])
    share = {item: (popularity[item] + 1) / (popularity.total() + 30) for item in ITEMS}
    for last in (2, 3, 4, 30):
        total = sum(after[last, item] for item in ITEMS)
        expected = [(after[last, item] + share[item]) / (total + 1) for item in ITEMS]
        scores = model(make_sessions([7, last]).features)
        assert scores.exp().tolist()[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("session", [[], [UNSEEN], [31]])
def test_markov_backs_off_to_popularity(fit, make_sessions, session):
    best = fit(Markov, MarkovConfig())(make_sessions(session).features).argsort(
        descending=True, stable=True
    )
    assert (best[0, :3] + FIRST_ID).tolist() == [3, 4, 2]


def test_markov_puts_what_followed_before_what_is_popular(fit, make_sessions):
    scores = fit(Markov, MarkovConfig())(make_sessions([9]).features)
    assert scores.argmax() + FIRST_ID == 2


@pytest.mark.parametrize("model", [Markov, ItemPopularity])
def test_items_of_different_counts_have_different_scores(model, session_schema, make_sessions):
    counts = 4_000_000 - torch.arange(30)
    built = model(session_schema, model.Config())
    if model is Markov:
        built.popularity.copy_(counts)
        built.transitions.fill(np.full(30, 7), np.arange(30), np.full(30, 4_000_000))
    else:
        built.counts.copy_(counts)
    scores = built(make_sessions([7], [9], []).features)
    assert (scores.diff() < 0).all()


def similarities(regularisation: float) -> np.ndarray:
    """Return the similarity of any two items, by hand."""
    sessions = Counter(item for session in SESSIONS for item in set(session))
    both = Counter(pair for s in SESSIONS for pair in combinations(sorted(set(s)), 2))
    found = np.zeros((30, 30))
    for (one, other), count in both.items():
        size = (sessions[one] + regularisation) * (sessions[other] + regularisation)
        found[one - 2, other - 2] = found[other - 2, one - 2] = count / math.sqrt(size)
    return found


@pytest.mark.parametrize("regularisation", [0.0, 20.0])
def test_item_knn_scores_by_similarity_to_the_last_item(fit, make_sessions, regularisation):
    model = fit(ItemKNN, ItemKNNConfig(regularisation=regularisation))
    scores = model(make_sessions(*([8, item] for item in ITEMS)).features)
    np.testing.assert_allclose(scores, similarities(regularisation), rtol=1e-6)


def test_item_knn_keeps_the_most_similar_neighbours(fit, make_sessions):
    model = fit(ItemKNN, ItemKNNConfig(neighbours=1))
    scores = model(make_sessions([2], [9]).features)
    assert (scores > 0).sum(1).tolist() == [1, 1]
    assert scores.argmax(1).tolist() == similarities(20.0)[[0, 7]].argmax(1).tolist()


@pytest.mark.parametrize("session", [[], [3, UNSEEN]])
def test_item_knn_has_no_neighbours_without_a_known_last_item(fit, make_sessions, session):
    assert not fit(ItemKNN, ItemKNNConfig())(make_sessions(session).features).any()


@pytest.mark.parametrize(
    ("config", "option", "value"),
    [(MarkovConfig, "prior", 0), (ItemKNNConfig, "neighbours", 0)]
    + [(ItemKNNConfig, "regularisation", -1)],
)
def test_options_out_of_range_are_refused(config, option, value):
    with pytest.raises(UsageError, match=f"{option} is {value}; "):
        config(**{option: value})


@pytest.mark.parametrize("pending", [1, 1 << 24])
def test_pairs_are_counted_alike_however_few_are_held(monkeypatch, pending):
    monkeypatch.setattr(rows, "PENDING", pending)
    pairs = np.random.default_rng(0).integers(5, size=(4, 2, 20))
    found = np.stack(count_pairs(((row, column) for row, column in pairs), 5), 1)
    expected = Counter(zip(*pairs.transpose(1, 0, 2).reshape(2, -1).tolist(), strict=True))
    assert {(row, column): count for row, column, count in found.tolist()} == expected
    assert (np.diff(found[:, 0] * 5 + found[:, 1]) > 0).all()
    assert [len(each) for each in count_pairs([], 5)] == [0, 0, 0]


def test_sparse_rows_add_to_dense_ones():
    sparse = SparseRows(4)
    sparse.fill(np.array([1, 1, 3]), np.array([0, 2, 1]), np.array([5, 6, 7]))
    found = sparse.put(torch.tensor([3, 0, 1, 1]), torch.ones(4, 3))
    assert found.tolist() == [[1, 8, 1], [1, 1, 1], [6, 1, 7], [6, 1, 7]]
