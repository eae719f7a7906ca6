from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbench.layers import item_cross_entropy


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("recbench.layers.cross_entropy.PART", 4)


def draw(scale: float = 1.0, dtype: torch.dtype = torch.float64):
    torch.manual_seed(0)
    queries = (scale * torch.randn(6, 3, dtype=dtype)).requires_grad_()
    table = torch.randn(13, 3, dtype=dtype, requires_grad=True)
    return queries, table, torch.tensor([0, 10, 3, 3, 7, 10])


def whole(queries, table, labels, *, squash):
    scores = queries @ table[2:].T
    return F.cross_entropy(scores.sigmoid() if squash else scores, labels)


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("scale", [0.1, 1, 1000])
def test_loss_and_gradients_are_those_of_torch(squash, scale):
    queries, table, labels = draw(scale)
    loss = item_cross_entropy(queries, table, labels, 2, squash=squash)
    expected = whole(queries, table, labels, squash=squash)
    torch.testing.assert_close(loss, expected)
    for have, want in zip(
        torch.autograd.grad(3 * loss, [queries, table]),
        torch.autograd.grad(3 * expected, [queries, table]),
        strict=True,
    ):
        torch.testing.assert_close(have, want)


@pytest.mark.parametrize("squash", [False, True])
def test_a_bias_belongs_to_its_item(squash):
    queries, table, labels = draw()
    bias = torch.randn(11, dtype=torch.float64, requires_grad=True)
    leaves = [queries, table, bias]
    loss = item_cross_entropy(queries, table, labels, 2, bias=bias, squash=squash)
    scores = F.linear(queries, table[2:], bias)
    expected = F.cross_entropy(scores.sigmoid() if squash else scores, labels)
    torch.testing.assert_close(loss, expected)
    gradients = (torch.autograd.grad(each, leaves) for each in (loss, expected))
    for have, want in zip(*gradients, strict=True):
        torch.testing.assert_close(have, want)


@pytest.mark.parametrize("squash", [False, True])
def test_gradients_are_derivatives(squash):
    queries, table, labels = draw()
    torch.autograd.gradcheck(
        lambda *each: item_cross_entropy(*each, labels, 2, squash=squash), (queries, table)
    )


def test_without_gradients_nothing_is_kept():
    queries, table, labels = draw()
    with torch.no_grad():
        loss = item_cross_entropy(queries, table, labels, 2)
    torch.testing.assert_close(loss, whole(queries, table, labels, squash=False).detach())
    assert not loss.requires_grad


def test_autocast_computes_in_the_tables_precision():
    queries, table, labels = draw(dtype=torch.float32)
    expected = whole(queries, table, labels, squash=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = item_cross_entropy(queries, table, labels, 2, squash=True)
    torch.testing.assert_close(loss, expected)
