from __future__ import annotations

import pytest
import torch
from torch import nn

from recbench.layers import Dice


def dice(alpha: float, units: int = 1) -> Dice:
    layer = Dice(units).double()
    nn.init.constant_(layer.alpha, alpha)
    return layer


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-1.0, 0.0, 1.0], [-0.420327, 0.0, 0.829673]),
        ([1.0, 2.0, 3.0, 6.0], [0.441689, 1.054194, 1.875000, 5.246324]),
    ],
)
def test_golden_batches(values: list[float], expected: list[float]):
    output = dice(0.25)(torch.tensor(values).double().view(-1, 1))
    assert output.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_is_the_identity_with_slope_one():
    values = torch.randn(7, 3).double()
    torch.testing.assert_close(dice(1.0, 3).eval()(values), values)


def test_identical_values_sit_in_the_middle_of_both_slopes():
    values = torch.full((100, 1), 3.0).double()
    torch.testing.assert_close(dice(0.2)(values), values * 1.2 / 2)


def test_normalises_as_batch_norm_does():
    values = torch.randn(50, 3).double() * 4 + 1
    norm = nn.BatchNorm1d(3, eps=1e-8, affine=False).double()
    p = norm(values).sigmoid()
    torch.testing.assert_close(dice(0.25, 3)(values), p * values + (1 - p) * 0.25 * values)


def test_moving_averages_approach_the_batch_and_serve_evaluation():
    layer, values = dice(0.25, 2), torch.randn(64, 2).double() * 3 + 5
    for _ in range(200):
        layer(values)
    torch.testing.assert_close(layer.running_mean, values.mean(0), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(layer.running_var, values.var(0, correction=0), rtol=1e-6, atol=1e-6)
    trained = layer(values)
    torch.testing.assert_close(layer.eval()(values), trained, rtol=1e-6, atol=1e-6)


def test_masked_rows_do_not_count():
    values = torch.randn(6, 2).double()
    mask = torch.tensor([True, True, False, True, False, True])
    layer, other = dice(0.25, 2), dice(0.25, 2)
    torch.testing.assert_close(layer(values, mask)[mask], other(values[mask]))
    torch.testing.assert_close(layer.running_var, other.running_var)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_without_variance_uses_and_keeps_the_moving_averages(rows: int):
    layer, values = dice(0.25, 2), torch.randn(rows, 2).double().requires_grad_()
    output = layer(values)
    torch.testing.assert_close(output, layer.eval()(values))
    assert layer.running_mean.tolist() == [0, 0]
    assert layer.running_var.tolist() == [1, 1]
    output.sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
