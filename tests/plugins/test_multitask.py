"""The multi-task models against what their papers say of them."""

from __future__ import annotations

import pytest
import torch
from recbench_models.multitask.mmoe import MMoE, MMoEConfig
from recbench_models.multitask.moe import MoE
from recbench_models.multitask.ple import PLE, PLEConfig
from recbench_models.multitask.shared_bottom import SharedBottom, SharedBottomConfig
from recbench_models.multitask.single_task import SingleTask

from recbench.errors import UsageError
from recbench.schema import Field, Schema
from recbench.testing.synthetic_tables import SCHEMA, random_batch

SYNTHETIC = Schema(
    (*(Field(f"x{n}", "context", 0) for n in range(100)), Field("y1", "label", 0),
     Field("y2", "label", 0))
)  # fmt: skip
"""The inputs and labels of the paper's synthetic experiment."""


def build(model, schema=SCHEMA, **options):
    torch.manual_seed(0)
    return model(schema, model.Config(**options)).double().eval()


@pytest.fixture
def features():
    features = random_batch([0] * 16, unseen=0).features
    return type(features)(features.fields, features.history, features.numbers.double())


def give_weights(model, source):
    """Copy what two models have in common by name, and say that it is all but the gates."""
    missing, unexpected = model.load_state_dict(
        {name: value for name, value in source.state_dict().items() if "gate" not in name},
        strict=False,
    )
    assert all("gate" in name for name in missing)
    assert not unexpected


def test_a_with_one_expert_mmoe_is_moe_is_shared_bottom(features):
    bottom = build(SharedBottom, bottom=(16,))
    for model in (build(MMoE, experts=1), build(MoE, experts=1)):
        give_weights(model, bottom)
        assert (model.gates(features) == 1).all()
        assert torch.equal(model(features), bottom(features))


@pytest.mark.parametrize("model", [MMoE, MoE, PLE])
def test_b_gates_are_shares(model, features):
    gates = build(model, gate_bias=True).gates(features)
    assert gates.shape == (16, 3, 6 if model is PLE else 8)
    assert (gates >= 0).all()
    torch.testing.assert_close(gates.sum(2), torch.ones(16, 3).double())
    assert (gates.std(0) > 0).all()


def test_c_gates_of_zero_take_the_mean_of_the_experts_for_every_label(features):
    model = build(MMoE)
    torch.nn.init.zeros_(model.gate.layer.weight)
    x = model.inputs(features)
    mean = model.experts(x).mean(1, keepdim=True).expand(-1, 3, -1)
    torch.testing.assert_close(model(features), model.towers(mean))


def test_d_with_the_same_gate_for_every_label_mmoe_is_moe(features):
    model, one = build(MMoE), build(MoE)
    give_weights(model, one)
    model.gate.layer.weight.data = one.gate.layer.weight.data.repeat(3, 1)
    torch.testing.assert_close(model(features), one(features))


def test_e_the_order_of_experts_is_of_no_consequence(features):
    model = build(MMoE, expert=(16, 8), gate_bias=True)
    expected = model(features)
    order = torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])
    for parameter in (*model.experts.weights, *model.experts.biases):
        parameter.data = parameter.data[order]
    for parameter in (model.gate.layer.weight, model.gate.layer.bias):
        parameter.data = parameter.data.unflatten(0, (3, 8))[:, order].flatten(0, 1)
    torch.testing.assert_close(model(features), expected)


@pytest.mark.parametrize("model", [SingleTask, SharedBottom, MMoE, PLE])
def test_f_the_loss_of_a_label_does_not_reach_what_is_another_labels_own(model):
    model = build(model).float()
    batch = random_batch([0] * 16)
    model.losses(batch)[0].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.towers.mlps[0].parameters())
    for tower in model.towers.mlps[1:]:
        assert not any(p.grad is not None and p.grad.any() for p in tower.parameters())
    if isinstance(model, MMoE):
        gates = model.gate.layer.weight.grad.unflatten(0, (3, 8))
        assert gates[0].any()
        assert not gates[1:].any()
    if isinstance(model, SingleTask):
        for network in (*model.inputs[1:], *model.bottoms[1:]):
            assert not any(p.grad is not None and p.grad.any() for p in network.parameters())
    if isinstance(model, PLE):
        last = model.layers[-1]
        for own in (*last.experts[1:3], *last.gates[1:]):
            assert not any(p.grad is not None and p.grad.any() for p in own.parameters())
        assert any(p.grad.any() for p in last.experts[3].parameters())


def weights(model):
    """Return the number of weights of experts and of the towers' hidden layers, biases apart."""
    return sum(
        value.numel()
        for name, value in model.named_parameters()
        if name.startswith("experts.weights") or (name.startswith("towers") and ".0.weight" in name)
    )


def test_h_the_papers_sizes_have_13056_weights_and_a_bottom_of_113_is_as_large():
    mixture = MMoE(SYNTHETIC, MMoEConfig())
    assert weights(mixture) == weights(MoE(SYNTHETIC, MMoEConfig())) == 13_056
    assert round(13_056 / (100 + 2 * 8)) == 113 == SharedBottomConfig().bottom[0]
    bottom = weights(SharedBottom(SYNTHETIC, SharedBottomConfig()))
    assert abs(bottom - 13_056) <= (100 + 2 * 8) / 2
    gates = [name for name, _ in mixture.named_parameters() if "gate" in name]
    assert gates == ["gate.layer.weight"]
    assert mixture.gate.layer.weight.shape == (2 * 8, 100)


def test_ple_of_one_layer_without_own_experts_is_mmoe(features):
    ple = build(PLE, extraction_layers=1, own_experts=0, shared_experts=8)
    mmoe = build(MMoE)
    layer = ple.layers[0]
    mmoe.inputs.load_state_dict(ple.inputs.state_dict())
    mmoe.experts.load_state_dict(layer.experts[0].state_dict())
    mmoe.towers.load_state_dict(ple.towers.state_dict())
    mmoe.gate.layer.weight.data = torch.cat([gate.layer.weight.data for gate in layer.gates])
    torch.testing.assert_close(ple(features), mmoe(features))
    torch.testing.assert_close(ple.gates(features), mmoe.gates(features))


def test_ple_with_one_own_expert_and_none_shared_is_a_network_for_each_label(features):
    ple = build(PLE, extraction_layers=1, own_experts=1, shared_experts=0)
    x = ple.inputs(features)
    assert (ple.gates(features) == 1).all()
    alone = torch.stack([experts(x)[:, 0] for experts in ple.layers[0].experts], 1)
    torch.testing.assert_close(ple(features), ple.towers(alone))


def test_the_shared_state_of_ple_mixes_all_experts_and_feeds_the_next_layer():
    model = build(PLE).float()
    model.losses(random_batch([0] * 16))[0].backward()
    first = model.layers[0]
    assert first.shared_gate.layer.weight.shape[0] == 3 * 2 + 4
    assert first.shared_gate.layer.weight.grad.any()
    assert any(p.grad.any() for p in first.experts[1].parameters())
    assert model.layers[1].shared_gate is None


@pytest.mark.parametrize("model", [SingleTask, SharedBottom, MMoE, MoE, PLE])
def test_weights_scale_the_losses_of_their_labels(model):
    batch = random_batch([0] * 16)
    plain = build(model).float()
    weighted = build(model, loss_weights=(1.0, 2.0, 0.0)).float()
    losses = plain.losses(batch)
    torch.testing.assert_close(weighted.loss(batch), losses[0] + 2 * losses[1])
    torch.testing.assert_close(plain.loss(batch), losses.sum())


def test_weights_may_decay_with_every_step_of_training_and_none_of_evaluation():
    batch = random_batch([0] * 16)
    model = build(PLE, loss_weights=(1.0, 1.0, 2.0), loss_decay=(1.0, 0.5, 0.1)).float()
    losses = model.losses(batch)
    for factors in ((1, 1, 2), (1, 0.5, 0.2), (1, 0.25, 0.02)):
        expected = (losses * torch.tensor(factors)).sum()
        torch.testing.assert_close(model.loss(batch), expected)
        torch.testing.assert_close(model.loss(batch), expected)
        torch.testing.assert_close(model.train().loss(batch), expected)
        model.eval()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (lambda: MMoEConfig(experts=0), "experts is 0"),
        (lambda: PLEConfig(own_experts=0, shared_experts=0), "a mixture needs own_experts or"),
        (lambda: PLEConfig(own_experts=-1), "numbers of 0 or more"),
        (lambda: PLEConfig(extraction_layers=0), "extraction_layers is 0"),
        (lambda: MMoE(SCHEMA, MMoEConfig(loss_weights=(1.0,))), "loss_weights is .* sold, return"),
        (lambda: PLE(SCHEMA, PLEConfig(loss_decay=(1.0, -1.0, 1.0))), "loss_decay is"),
        (lambda: MMoE(SCHEMA, MMoEConfig(expert=())), "has no layers; give 1 or more"),
    ],
)
def test_options_that_make_no_model_are_refused(config, expected):
    with pytest.raises(UsageError, match=expected):
        config()
