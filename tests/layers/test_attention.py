from __future__ import annotations

import pytest
import torch

from recbench.layers import Dice, DINAttention
from recbench.layers.mlp import ACTIVATIONS
from recbench.ops.din_attention import event_weights, weighted_sum
from recbench.ops.dispatch import observe

LENGTHS = torch.tensor([4, 0, 2])


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, 2), torch.randn(3, 4, 2)


@pytest.mark.parametrize("normalize", ["none", "softmax"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_padding_changes_nothing_in_training(activation: str, normalize: str):
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), activation, normalize)
    longer = torch.cat([keys, torch.ones(3, 3, 2)], 1)
    torch.testing.assert_close(layer(query, longer, LENGTHS), layer(query, keys, LENGTHS))
    assert not layer(query, keys, LENGTHS)[1].any()


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "prelu"])
def test_the_unfused_scores_are_the_operators(activation: str):
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), activation, "softmax", scaled=True)
    mask = torch.arange(4) < LENGTHS[:, None]
    scores = (layer.scores(query, keys, mask) * 2**-0.5).masked_fill(~mask, -1e30)
    expected = torch.einsum("bt,btd->bd", scores.softmax(1), keys)
    torch.testing.assert_close(layer(query, keys, LENGTHS)[[0, 2]], expected[[0, 2]])


def test_dice_counts_real_events_only():
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), "dice")
    layer(query, keys, LENGTHS)
    first = layer.activation1
    assert isinstance(first, Dice)
    x = torch.cat([query[:, None].expand_as(keys), keys], 2)
    x = torch.cat([x, x[..., :2] - x[..., 2:], x[..., :2] * x[..., 2:]], 2)
    values = layer.hidden1(x)[torch.arange(4) < LENGTHS[:, None]]
    torch.testing.assert_close(first.running_mean, 0.1 * values.mean(0))


def test_dice_trains_without_any_event():
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), "dice")
    for steps in (0, 4):
        output = layer(query.requires_grad_(), keys[:, :steps], torch.zeros_like(LENGTHS))
        output.sum().backward()
        assert not output.any()
        assert query.grad is not None
        assert query.grad.isfinite().all()


def test_needs_two_hidden_layers():
    with pytest.raises(ValueError, match="hidden: expected 2 widths, got 1"):
        DINAttention(2, (5,))


@pytest.mark.parametrize("normalize", ["none", "softmax"])
def test_dice_in_evaluation_is_the_operator(normalize: str):
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), "dice", normalize, scaled=True)
    for _ in range(3):
        layer(query, keys, LENGTHS)
    layer.activation1.alpha.data.normal_()
    layer.eval()
    with torch.no_grad(), observe() as used:
        output = layer(query, keys, LENGTHS)
    assert set(used) == {"din_attention"}
    mask = torch.arange(4) < LENGTHS[:, None]
    scores = layer.scores(query, keys, mask)
    expected = weighted_sum(event_weights(scores, mask, layer.normalize, layer.scale), keys)
    torch.testing.assert_close(output, expected)


def test_dice_in_evaluation_has_gradients():
    query, keys = tensors()
    layer = DINAttention(2, (5, 3), "dice").eval()
    layer(query, keys, LENGTHS).sum().backward()
    assert layer.hidden1.weight.grad is not None
    assert layer.hidden1.weight.grad.any()
