"""Which models' steps can be replayed as CUDA graphs, and that rounding events changes nothing."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from recbench.plugins import find, load_model
from recbench.testing.subject import Subject
from recbench.training.graphs import round_events

ROUNDED = [
    ("din-base", {"activation": "dice"}),
    ("din", {}),
    ("din", {"att_normalize": "softmax", "mba_l2": 0.01}),
    ("dien", {"aux_weight": 0.0}),  # the auxiliary loss draws from all events there are
    ("dien", {"aux_weight": 0.0, "evolution": "agru"}),
    ("gru4rec", {}),
    ("stmp", {}),
    ("stamp", {}),
]
"""Models that read the latest events only, whose batches are rounded."""
RECORDED = [
    *(form for form in ROUNDED if form[0] != "gru4rec"),
    ("logistic-regression", {}),
    ("din", {"attention_activation": "dice", "dropout": 0.1}),
    ("dien", {}),
    ("dien", {"attention": "mlp", "evolution": "aigru", "aux_score": "mlp"}),
    ("sim", {}),
    ("sim", {"search": "hard"}),
    ("single-task", {}),
    ("shared-bottom", {}),
    ("moe", {}),
    ("mmoe", {}),
    ("ple", {}),
    ("random-embedding", {}),
    ("mwuf", {}),
]
ASK = {
    "gru4rec": "Cannot copy out of meta tensor",  # lengths of packed sequences
    "melu": r"Tensor.item\(\) cannot be called on meta tensors",
    "meta-embedding": "cannot repeat_interleave a meta tensor without output_size",
}


def step(name, options, change):
    """Return the loss of a batch and a gradient, after the batch and the model were changed."""
    kind = load_model(find("model", name))
    subject = Subject(kind, kind.Config(**options))
    model = subject.build()
    batch = subject.data.planted(38, model.reads, 1)
    model, batch = change(model, batch)
    torch.manual_seed(0)
    loss = model.train().loss(batch)
    loss.backward()
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    assert gradients
    return loss.detach(), gradients


@pytest.mark.parametrize(("name", "options"), ROUNDED)
def test_rounding_leaves_loss_and_gradients(name, options):
    def rounded(model, batch):
        more = round_events(batch)
        before, after = batch.features.history, more.features.history
        assert len(after.age) > len(before.age)
        assert after.longest >= before.longest
        return model.double(), more

    loss, gradients = step(name, options, lambda model, batch: (model.double(), batch))
    found, others = step(name, options, rounded)
    torch.testing.assert_close(found, loss)
    torch.testing.assert_close(others, gradients)


@pytest.fixture
def no_values(monkeypatch):
    """Return what takes the values from a model and a batch, so that none can be asked for."""
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *device: False)
    monkeypatch.setattr(torch, "autocast", lambda *device, **options: nullcontext())
    return lambda model, batch: (model.to("meta"), batch.to("meta"))


@pytest.mark.parametrize(("name", "options"), RECORDED)
def test_a_step_asks_for_no_value(name, options, no_values):
    loss, _ = step(name, options, no_values)
    assert loss.device.type == "meta"


@pytest.mark.parametrize("name", ASK)
def test_a_step_that_asks_for_one_is_found(name, no_values):
    with pytest.raises(RuntimeError, match=ASK[name]):
        step(name, {}, no_values)
