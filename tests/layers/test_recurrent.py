from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from recbench.layers import AUGRU, GRU, recurrent
from recbench.ops import native
from recbench.ops.dispatch import backend, observe


def test_takes_the_state_of_a_gru_and_acts_as_one_with_attention_one():
    torch.manual_seed(0)
    gru, layer = nn.GRU(3, 2, batch_first=True), AUGRU(3, 2)
    layer.load_state_dict(gru.state_dict())
    x = torch.randn(4, 5, 3)
    outputs, last = layer(x, torch.ones(4, 5), torch.full((4,), 5))
    expected, final = gru(x)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(last, final[0])


def test_passes_on_its_form():
    torch.manual_seed(0)
    x, attention, lengths = torch.randn(4, 5, 3), torch.rand(4, 5), torch.full((4,), 5)
    state = AUGRU(3, 2).state_dict()
    outputs = []
    for form in ({}, {"att_mode": "agru"}, {"att_mode": "reference"}, {"reset_after": False}):
        layer = AUGRU(3, 2, **form)
        layer.load_state_dict(state)
        outputs.append(layer(x, attention, lengths, torch.ones(4, 2))[1])
    for i, output in enumerate(outputs):
        assert not any(torch.allclose(output, other) for other in outputs[:i])


def results(layer: nn.GRU, x: Tensor, lengths: Tensor) -> list[Tensor]:
    """Return states at real steps and the gradients of their weighted sum."""
    x = x.clone().requires_grad_()
    states = layer(x, lengths) if isinstance(layer, GRU) else layer(x)[0]
    real = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
    states = states.masked_fill(~real, 0)
    loss = (states * torch.linspace(-1, 1, states.numel()).view_as(states)).sum()
    return [states, *torch.autograd.grad(loss, [x, *layer.parameters()])]


@pytest.mark.parametrize("choice", ["native", "reference"])
def test_gru_equals_torchs_over_real_steps(choice: str):
    if choice == "native" and not native.LOADED:
        pytest.skip(f"native kernels: {native.REFUSAL}")
    torch.manual_seed(0)
    expected = nn.GRU(3, 4, batch_first=True).double()
    layer = GRU(3, 4).double()
    layer.load_state_dict(expected.state_dict())
    x, lengths = torch.randn(5, 6, 3).double(), torch.tensor([6, 0, 1, 4, 6])
    with backend(choice), observe() as used:
        for got, want in zip(
            results(layer, x, lengths), results(expected, x, lengths), strict=True
        ):
            torch.testing.assert_close(got, want)
        x[1:4, 4:] = torch.nan
        assert all(torch.isfinite(result).all() for result in results(layer, x, lengths))
        assert layer(x[:, :0], torch.zeros_like(lengths)).shape == (5, 0, 4)
    assert [name.split(" ")[0] for name in used["gru"]] == [choice]


def test_where_cudnn_has_no_gradient_the_reference_has_even_a_second_one(monkeypatch):
    monkeypatch.setattr(recurrent, "_cudnn_refuses", lambda layer, x: True)
    expected, layer = nn.GRU(3, 4, batch_first=True).double(), GRU(3, 4).double()
    layer.load_state_dict(expected.state_dict())
    x, lengths = torch.randn(5, 6, 3).double(), torch.tensor([6, 0, 1, 4, 6])
    with backend("reference"):
        for got, want in zip(
            results(layer, x, lengths), results(expected, x, lengths), strict=True
        ):
            torch.testing.assert_close(got, want)
        assert torch.autograd.gradgradcheck(lambda x: layer(x, lengths), x.requires_grad_())


def test_gru_starts_from_torchs_weights():
    torch.manual_seed(0)
    expected = nn.GRU(3, 4, batch_first=True).state_dict()
    torch.manual_seed(0)
    for name, value in GRU(3, 4).state_dict().items():
        assert torch.equal(value, expected[name])
