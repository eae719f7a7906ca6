"""Derivatives for which PyTorch asks no gradient of the operator are those of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from recbench.ops import OPERATORS, backend, native
from recbench.ops.dispatch import Operator, observe

pytestmark = [
    pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}"),
    # PyTorch makes its own derivatives in forward mode with what it tells others to leave.
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),
]

CPU = torch.device("cpu")


@pytest.fixture(
    params=[each for each in OPERATORS if each.differentiable], ids=lambda each: each.name
)
def operator(request) -> Operator:
    return request.param


def loss_of(operator: Operator) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Return a loss of an operator's first argument, and that argument, of rows with real steps."""
    cases = (case.arguments for case in operator.cases(CPU, torch.float64))
    given = next(case for case in cases if case["lengths"].sum() > 4)
    (name, value), *_ = given.items()

    def loss(tensor: Tensor) -> Tensor:
        found: Any = operator.function(**given | {name: tensor})
        return sum(each.sin().sum() for each in (found if isinstance(found, tuple) else [found]))

    return loss, value


def dual(loss: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(loss(forward_ad.make_dual(value, value.cos()))).tangent


@pytest.mark.parametrize(
    "derivative",
    [
        dual,
        lambda loss, value: torch.func.jvp(loss, (value,), (value.cos(),))[1],
        lambda loss, value: torch.func.grad(loss)(value),
    ],
    ids=["dual numbers", "torch.func.jvp", "torch.func.grad"],
)
def test_derivatives_are_the_reference_s(operator, derivative):
    loss, value = loss_of(operator)
    with backend("reference"):
        expected = derivative(loss, value)
    assert expected.abs().max() > 1e-6
    with backend("auto"), observe() as used:
        torch.testing.assert_close(derivative(loss, value), expected)
    (ran,) = used[operator.name]
    assert ran.startswith(("reference (no kernel under", "reference (no derivatives in"))
    with backend("native"), pytest.raises(RuntimeError, match="is demanded but cannot run: no "):
        derivative(loss, value)


def test_the_kernel_runs_again_afterwards(operator):
    loss, value = loss_of(operator)
    dual(loss, value)
    with backend("native"), observe() as used:
        loss(value.clone().requires_grad_()).backward()
    assert not any(how.startswith("reference") for how in used[operator.name])
