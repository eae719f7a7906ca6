"""Models of every task, broken off at random batches, end as if nothing had happened."""

from __future__ import annotations

import random

import pytest
import torch

from recbench.plugins import find, load_model
from recbench.testing.subject import BRIEF_EXAMPLES, Subject
from recbench.testing.training_checks import TWO_EPOCHS

OPTIONS = {
    "din": {"dropout": 0.2, "activation": "dice", "mba_l2": 0.01},
    "gru4rec": {"dropout": 0.2},
    "ple": {"dropout": 0.2, "loss_decay": (1.0, 0.9, 0.99)},
    "melu": {"local_learning_rate": 0.1},
    "meta-embedding": {"meta_epochs": 3, "meta_episodes": 5},  # trains in two stages
    "mwuf": {"meta_epochs": 2},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_it_ends_the_same_wherever_it_was_broken_off(name):
    kind = load_model(find("model", name))
    subject = Subject(kind, kind.Config(**OPTIONS[name]))
    whole = subject.fit(TWO_EPOCHS, BRIEF_EXAMPLES).state_dict()
    draw = random.Random(name)  # noqa: S311 - which moments are tried
    breaks = [draw.randint(1, 6) for _ in range(4)]
    found = subject.fit(TWO_EPOCHS, BRIEF_EXAMPLES, breaks).state_dict()
    assert whole.keys() == found.keys()
    for each, value in whole.items():
        assert torch.equal(found[each], value), (each, breaks)
