import math

import pytest
import torch
from torch import nn

from recbench.training.config import TrainingConfig
from recbench.training.optimizer import make_optimizer, make_scheduler

STEPS = 10


def rates(**config):
    """Return the learning rate of each step of four epochs, as shares of the rate asked for."""
    config = TrainingConfig(epochs=4, learning_rate=0.2, optimizer="sgd", **config)
    optimizer = make_optimizer([nn.Parameter(torch.zeros(1))], config)
    scheduler = make_scheduler(optimizer, config, STEPS)
    found = []
    for _ in range(4 * STEPS):
        found.append(optimizer.param_groups[0]["lr"] / 0.2)
        optimizer.step()
        scheduler.step()
    return found


def test_constant_stays():
    assert rates(schedule="constant") == [1.0] * 40


def test_linear_falls_evenly_and_ends_above_zero():
    assert rates(schedule="linear") == pytest.approx([1 - step / 40 for step in range(40)])


def test_cosine_follows_half_a_wave():
    expected = [0.5 * (1 + math.cos(math.pi * step / 40)) for step in range(40)]
    assert rates(schedule="cosine") == pytest.approx(expected)


def test_exponential_loses_a_factor_an_epoch():
    found = rates(schedule="exponential", decay=0.1)
    assert found[::STEPS] == pytest.approx([1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "exponential"])
def test_warm_up_rises_to_the_whole_rate_before_the_schedule_starts(schedule):
    found = rates(schedule=schedule, warmup_steps=5)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found[5] == pytest.approx(1.0)
    assert min(found[5:]) >= 0
    if schedule == "linear":
        assert found[5:] == pytest.approx([1 - step / 35 for step in range(35)])


def test_a_warm_up_longer_than_training_only_rises():
    found = rates(warmup_steps=100)
    assert found == pytest.approx([(step + 1) / 100 for step in range(40)])


KINDS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_optimizer_finds_a_minimum(name):
    torch.manual_seed(0)
    point = nn.Parameter(torch.tensor([3.0, -2.0]))
    config = TrainingConfig(optimizer=name, learning_rate=0.3)
    optimizer = make_optimizer([point], config)
    assert type(optimizer) is KINDS[name]
    for _ in range(200):
        optimizer.zero_grad()
        point.square().sum().backward()
        optimizer.step()
    assert point.norm() < 0.1


@pytest.mark.parametrize("name", KINDS)
def test_weight_decay_pulls_to_zero(name):
    point = nn.Parameter(torch.ones(1))
    optimizer = make_optimizer([point], TrainingConfig(optimizer=name, weight_decay=0.5))
    (point * 0).sum().backward()
    optimizer.step()
    assert point < 1


def test_momentum_goes_on_without_a_gradient():
    point = nn.Parameter(torch.ones(1))
    optimizer = make_optimizer([point], TrainingConfig(optimizer="sgd", momentum=0.9))
    point.sum().backward()
    optimizer.step()
    first = 1 - point.item()
    point.grad.zero_()
    optimizer.step()
    assert 1 - point.item() == pytest.approx(1.9 * first, rel=1e-4)
