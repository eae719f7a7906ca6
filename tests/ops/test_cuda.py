"""The operators on a GPU, over the same cases as on the CPU.

Without a GPU they are skipped here; `ctest -R emulated_operators` runs them with kernels emulated
on the host, all but those that ask for what only a GPU has.
"""

from __future__ import annotations

import pytest
import torch
from ops.soft_search import check_soft
from torch import Tensor

from recbench.ops import OPERATORS, native
from recbench.ops.dispatch import KERNEL_DTYPES, Case, Operator, backend
from recbench.testing.operator_checks import check_compiled, check_equality

pytestmark = pytest.mark.cuda

NAMES = [operator.name for operator in OPERATORS]
EMULATED_STRIDE = 4
"""The emulation is slow: of a list of cases it gets every fourth, the searches' shapes being 15."""


@pytest.fixture(params=OPERATORS, ids=NAMES)
def operator(request, device: torch.device) -> Operator:
    """Each operator that has a kernel for GPUs."""
    if request.param.name not in native.CUDA_KERNELS:
        pytest.skip("no kernel for cuda")
    return request.param


def cases(operator: Operator, device: torch.device, dtype: torch.dtype) -> list[Case]:
    """Return the operator's cases that its kernel for GPUs takes."""
    found = [case for case in operator.cases(device, dtype) if case.arguments.get("k", 0) <= 1024]
    return found[::EMULATED_STRIDE] if device.type == "cpu" else found


@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
def test_results_and_gradients_equal_the_reference(
    operator: Operator, dtype: torch.dtype, device: torch.device
):
    for case in cases(operator, device, dtype):
        if operator.name == "sim_search_soft":
            check_soft(case)
        else:
            check_equality(operator, case)


def test_every_call_gives_the_same_bits(operator: Operator, device: torch.device):
    for case in cases(operator, device, torch.float32)[::3]:
        for one, other in zip(run(operator, case), run(operator, case), strict=True):
            assert torch.equal(one.nan_to_num(), other.nan_to_num()), case.name


def test_compiles_whole(operator: Operator, device: torch.device):
    for case in cases(operator, device, torch.float32)[:4]:
        check_compiled(operator, case)


def run(operator: Operator, case: Case) -> list[Tensor]:
    """Return results, and gradients where there are some, of the native kernel."""
    arguments = dict(case.arguments)
    names = [n for n, v in arguments.items() if isinstance(v, Tensor) and v.is_floating_point()]
    if operator.differentiable:
        arguments |= {name: arguments[name].detach().requires_grad_() for name in names}
    with backend("native"):
        results = operator.function(**arguments)
    results = [results] if isinstance(results, Tensor) else list(results)
    if not operator.differentiable:
        return results
    loss = sum(result.double().sum() for result in results)
    gradients = torch.autograd.grad(loss, [arguments[n] for n in names], allow_unused=True)
    return results + [gradient for gradient in gradients if gradient is not None]
