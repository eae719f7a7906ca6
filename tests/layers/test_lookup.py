from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbench.layers.lookup import _embedding, lookup
from recbench.schema import PADDING

SHAPES = ((40, 7), (3,), (0, 7), (2, 3, 4))


def draw(dtype: torch.dtype = torch.float32):
    torch.manual_seed(0)
    table = torch.randn(30, 5, dtype=dtype, requires_grad=True)
    ids = [torch.randint(30, shape) for shape in SHAPES]
    return table, ids, [torch.randn(*each.shape, 5, dtype=dtype) for each in ids]


def gradient(rows, table, weights):
    return torch.autograd.grad(
        sum((row * weight).sum() for row, weight in zip(rows, weights, strict=True)), table
    )[0]


def test_rows_and_gradient_are_those_of_torch():
    table, ids, weights = draw(torch.float64)
    rows, expected = lookup(table, *ids), [F.embedding(each, table, PADDING) for each in ids]
    assert all(map(torch.equal, rows, expected))
    torch.testing.assert_close(gradient(rows, table, weights), gradient(expected, table, weights))
    assert not gradient(lookup(table, *ids), table, weights)[PADDING].any()


@pytest.mark.parametrize("shape", [(40, 7), (4000,)])
def test_one_lookup_gives_the_bits_of_torch_with_any_number_of_threads(shape):
    torch.manual_seed(0)
    table, ids = torch.randn(100, 16, requires_grad=True), torch.randint(100, shape)
    weights, threads = [torch.randn(*shape, 16)], torch.get_num_threads()
    expected = gradient([F.embedding(ids, table, PADDING)], table, weights)
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(gradient(lookup(table, ids), table, weights), expected)
    finally:
        torch.set_num_threads(threads)


def test_what_is_not_used_has_no_part_in_the_gradient():
    table, ids, weights = draw()
    unused, row = lookup(table, ids[0], ids[1])[:2]
    assert torch.equal(
        gradient([row], table, weights[1:2]),
        gradient(lookup(table, ids[1]), table, weights[1:2]),
    )
    frozen = table.detach()
    assert not lookup(frozen, ids[0])[0].requires_grad
    assert unused.requires_grad


def test_its_gradient_can_be_differentiated_again():
    table, ids, _ = draw(torch.float64)
    known = [each.clamp(min=1) for each in ids]  # no finite difference knows of PADDING

    def squares(table):
        return sum((row**3).sum() for row in lookup(table, *known))

    assert torch.autograd.gradcheck(squares, table)
    assert torch.autograd.gradgradcheck(squares, table)


def test_off_the_cpu_nothing_can_be_looked_up_and_differentiated_twice():
    table = draw(torch.float64)[0]

    def squares(table):
        rows = _embedding(table, torch.empty((2, 0), dtype=torch.int64))
        assert rows.shape == (2, 0, 5)
        return (table.sum() + rows.sum()) ** 2

    assert torch.autograd.gradgradcheck(squares, table)
