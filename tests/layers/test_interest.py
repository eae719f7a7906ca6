from __future__ import annotations

import pytest
import torch

from recbench.layers import linear_interest

LENGTHS = ([5, 0, 1, 12, 3, 3, 0], [4, 4, 4], [0, 0], [30])


def draw(lengths: list[int]):
    torch.manual_seed(0)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    query = torch.randn(len(lengths), 3, dtype=torch.float64, requires_grad=True)
    events = torch.randn(sum(lengths), 3, dtype=torch.float64, requires_grad=True)
    return query, events, offsets


@pytest.mark.parametrize("lengths", LENGTHS)
def test_interest_and_gradients_are_those_of_the_definition(lengths):
    query, events, offsets = draw(lengths)
    own = events.split(lengths)
    expected = torch.stack([q @ e.T @ e for q, e in zip(query, own, strict=True)])
    interest = linear_interest(query, events, offsets)
    torch.testing.assert_close(interest, expected)
    weight = torch.randn_like(interest)
    for have, want in zip(
        torch.autograd.grad((interest * weight).sum(), [query, events]),
        torch.autograd.grad((expected * weight).sum(), [query, events]),
        strict=True,
    ):
        torch.testing.assert_close(have, want)


def test_no_row_has_no_interest():
    query, events, offsets = draw([])
    assert linear_interest(query, events, offsets).shape == (0, 3)
