from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from recbench.ops import sim_search_hard, sim_search_soft

INF, NAN = math.inf, math.nan


def scored(scores: list[list[float]], k: int, steps: int | None = None) -> list[tuple]:
    """Search histories whose events have given scores, in both layouts."""
    query = torch.ones(len(scores), 1)
    lengths = torch.tensor([len(row) for row in scores])
    steps = max(lengths.tolist()) if steps is None else steps
    # Padding would win every search if it were looked at.
    dense = torch.full((len(scores), steps, 1), 1e9)
    for row, values in enumerate(scores):
        dense[row, : len(values), 0] = torch.tensor(values)
    jagged = torch.tensor([value for row in scores for value in row]).view(-1, 1)
    offsets = torch.tensor([0, *lengths.tolist()]).cumsum(0)
    return [
        sim_search_soft(query, dense, k, lengths=lengths),
        sim_search_soft(query, jagged, k, offsets=offsets),
    ]


def random_case(batch: int = 6, steps: int = 20) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    lengths = torch.tensor([20, 0, 1, 7, 13, 19])
    keys = torch.randn(batch, steps, 4)
    jagged = torch.cat([row[:length] for row, length in zip(keys, lengths, strict=True)])
    return torch.randn(batch, 4), keys, lengths, jagged


def test_soft_equals_topk_of_masked_inner_products():
    query, keys, lengths, jagged = random_case()
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    products = torch.einsum("btd,bd->bt", keys, query)
    products.masked_fill_(torch.arange(20) >= lengths[:, None], -INF)
    values, positions = products.topk(5)
    positions.masked_fill_(values == -INF, -1)
    for found, scores in (
        sim_search_soft(query, keys, 5, lengths=lengths),
        sim_search_soft(query, jagged, 5, offsets=offsets),
    ):
        assert found.dtype == torch.int64
        assert torch.equal(found, positions)
        torch.testing.assert_close(scores, values)


def test_ties_go_to_the_earlier_event():
    for found, _ in scored([[1.0, 2.0, 1.0, 2.0, 1.0]], 4):
        assert found.tolist() == [[1, 3, 0, 2]]


def test_nan_comes_after_every_number_and_before_padding():
    for found, scores in scored([[NAN, -5.0, NAN], [NAN]], 3, steps=5):
        assert found.tolist() == [[1, 0, 2], [0, -1, -1]]
        assert scores.tolist() == [[-5.0, -INF, -INF], [-INF] * 3]


def test_infinite_and_nan_scores_tie_at_the_bottom():
    for found, _ in scored([[NAN, -INF, 0.0, INF]], 4):
        assert found.tolist() == [[3, 2, 0, 1]]


def test_padding_never_outranks_a_negative_event():
    for found, scores in scored([[-3.0, -1.0], [-2.0]], 2, steps=6):
        assert found.tolist() == [[1, 0], [0, -1]]
        assert scores.tolist() == [[-1.0, -3.0], [-2.0, -INF]]


def test_soft_pads_when_k_exceeds_every_history():
    for found, scores in scored([[1.0], []], 3):
        assert found.tolist() == [[0, -1, -1], [-1, -1, -1]]
        assert scores.isinf().sum() == 5


def test_soft_without_any_event():
    for found, _ in scored([[], []], 2, steps=0):
        assert found.tolist() == [[-1, -1], [-1, -1]]


def test_soft_has_no_gradient():
    query, keys, lengths, _ = random_case()
    _, scores = sim_search_soft(query.requires_grad_(), keys.requires_grad_(), 3, lengths=lengths)
    assert not scores.requires_grad


def hard(categories: list[list[int]], target: list[int], k: int) -> list[list[int]]:
    offsets = torch.tensor([0, *map(len, categories)]).cumsum(0)
    values = torch.tensor([c for row in categories for c in row], dtype=torch.int64)
    return sim_search_hard(values, offsets, torch.tensor(target), k).tolist()


def test_hard_finds_the_most_recent_first():
    assert hard([[3, 4, 3, 3, 5]], [3], 2) == [[3, 2]]


def test_hard_pads_where_fewer_match():
    assert hard([[3, 4], [], [4, 4, 4]], [3, 3, 4], 4) == [[0, -1, -1, -1], [-1] * 4, [2, 1, 0, -1]]


def test_hard_without_any_event():
    assert hard([[], []], [3, 4], 2) == [[-1, -1], [-1, -1]]


def test_hard_equals_a_scan():
    torch.manual_seed(0)
    categories = [torch.randint(4, (n,)).tolist() for n in (30, 0, 1, 17, 25)]
    targets = [0, 1, 2, 3, 1]
    expected = []
    for row, target in zip(categories, targets, strict=True):
        met = [i for i in range(len(row) - 1, -1, -1) if row[i] == target][:3]
        expected.append(met + [-1] * (3 - len(met)))
    assert hard(categories, targets, 3) == expected


def test_wrong_arguments_are_named():
    query, keys, lengths, jagged = random_case()
    offsets = torch.tensor([0, 60])
    with pytest.raises(ValueError, match="exactly one of them, got neither"):
        sim_search_soft(query, keys, 3)
    with pytest.raises(ValueError, match="exactly one of them, got both"):
        sim_search_soft(query, keys, 3, offsets=offsets, lengths=lengths)
    with pytest.raises(ValueError, match=r"offsets: expected shape \[7\], got \[2\]"):
        sim_search_soft(query, jagged, 3, offsets=offsets)
    with pytest.raises(ValueError, match=r"keys: expected shape \[6, T, 4\], got \[60, 4\]"):
        sim_search_soft(query, jagged, 3, lengths=lengths)
    with pytest.raises(ValueError, match="k: expected at least 1, got 0"):
        sim_search_soft(query, keys, 0, lengths=lengths)
    with pytest.raises(ValueError, match="category: expected torch.int64, got torch.float32"):
        sim_search_hard(torch.zeros(60), offsets, torch.zeros(1, dtype=torch.int64), 3)
    with pytest.raises(ValueError, match=r"offsets: expected shape \[3\], got \[2\]"):
        sim_search_hard(torch.zeros(60), offsets, torch.zeros(2, dtype=torch.int64), 3)
