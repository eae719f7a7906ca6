"""What the model must do: keep the contract, and compute what its paper defines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
from recbench_fm import FM, FMConfig

from recbench.testing import SCHEMA, parametrize_with_checks, random_batch


@parametrize_with_checks([FM, (FM, FMConfig(embedding_dim=4))])
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    """The model passes every check of the conformance kit."""
    check()


def test_logits_are_those_of_equation_1() -> None:
    """The sum over pairs in linear time is the sum over pairs."""
    torch.manual_seed(0)
    model, features = FM(SCHEMA, FMConfig(embedding_dim=4)), random_batch().features
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    expected = model.bias + model.linear(features).sum((1, 2))
    for first, second in combinations(model.factors(features).unbind(1), 2):
        expected = expected + (first * second).sum(1)
    torch.testing.assert_close(model(features), expected)
