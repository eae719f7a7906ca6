from __future__ import annotations

import pytest
import torch
from torch import nn

from recbench.layers import MLP
from recbench.layers.mlp import ACTIVATIONS


def test_layers_come_in_order():
    mlp = MLP(5, (4, 3), "relu", out_features=2, dropout=0.1, batch_norm=True)
    names = [type(layer).__name__ for layer in mlp]
    assert names == [*["Linear", "BatchNorm", "ReLU", "Dropout"] * 2, "Linear"]
    assert mlp[-1].out_features == 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_acts_on_the_last_dimension(activation: str):
    mlp = MLP(5, (4, 3), activation).eval()
    x = torch.randn(2, 7, 5)
    assert mlp(x).shape == (2, 7, 1)
    torch.testing.assert_close(mlp(x)[1, 2], mlp(x[1, 2]))


def test_without_hidden_layers_is_linear():
    mlp = MLP(5, ())
    assert [type(layer) for layer in mlp] == [nn.Linear]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_trains_on_a_batch_of_one(activation: str):
    mlp = MLP(5, (4,), activation, batch_norm=True)
    before = {name: buffer.clone() for name, buffer in mlp.named_buffers()}
    output = mlp(torch.randn(1, 5))
    output.sum().backward()
    assert output.isfinite().all()
    for name, buffer in mlp.named_buffers():
        assert torch.equal(buffer, before[name])


def test_batch_norm_uses_batch_statistics_in_training():
    mlp = MLP(5, (4,), "relu", batch_norm=True)
    values = mlp[1](torch.randn(100, 4) * 3 + 2)
    torch.testing.assert_close(values.mean(0), torch.zeros(4), atol=1e-5, rtol=0)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="activation: expected one of relu, .* got 'gelu'"):
        MLP(5, (4,), "gelu")
