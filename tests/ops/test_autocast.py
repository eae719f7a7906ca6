"""Every operator takes what autocast gives a model: some arguments narrow, others not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbench.ops import OPERATORS
from recbench.ops.dispatch import Operator, backend

CPU = torch.device("cpu")
CHOICES = ("auto", "reference")


def tensors(output: object) -> list[Tensor]:
    parts = output if isinstance(output, tuple | list) else (output,)
    return [part for part in parts if isinstance(part, Tensor)]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_it_runs_and_has_gradients_under_bfloat16(operator: Operator, choice: str):
    for case in operator.cases(CPU, torch.float32):
        arguments = dict(case.arguments)
        leaves = {}
        for name, value in arguments.items():
            if isinstance(value, Tensor) and value.is_floating_point() and operator.differentiable:
                leaves[name] = value.detach().clone().requires_grad_()
        with backend(choice):
            exact = tensors(operator.function(**arguments))
            with torch.autocast("cpu", torch.bfloat16):
                found = tensors(operator.function(**{**arguments, **leaves}))
        for one, other in zip(found, exact, strict=True):
            assert one.shape == other.shape, case.name
            if one.is_floating_point() and operator.differentiable:
                scale = other.abs().amax().clamp(min=1) if other.numel() else 1
                assert ((one.float() - other).abs() <= 0.05 * scale).all(), case.name
        learnt = [each for each in found if each.requires_grad]
        assert bool(learnt) is operator.differentiable, case.name
        if learnt:
            sum(each.float().sum() for each in learnt).backward()
        for name, leaf in leaves.items():
            if leaf.grad is None:  # nothing came of it, for want of a single step
                assert case.name.endswith(("no steps", "no step")), name
                continue
            assert leaf.grad.dtype == leaf.dtype, (case.name, name)
            assert leaf.grad.isfinite().all(), (case.name, name)
