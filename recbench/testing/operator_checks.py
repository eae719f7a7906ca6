"""Checks that an operator's native kernel equals its reference; each raises AssertionError.

Each takes an operator and a case of it: the arguments of the operator's wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from recbench.ops.dispatch import Backend, Case, Operator, backend, observe
from recbench.testing.require import require

TOLERANCE = {
    torch.float64: (1e-10, 1e-12),
    torch.float32: (2e-5, 2e-5),
    torch.bfloat16: (2e-2, 2e-2),
    torch.float16: (4e-3, 4e-3),
}
"""Relative and absolute tolerance by dtype, against the reference in float64."""


def check_choice(operator: Operator, case: Case) -> None:
    """Demand that the wrapper runs what `backend` asks for, and says which it has run."""
    choices: tuple[Backend, ...] = ("native", "reference")
    for choice in choices:
        with torch.no_grad(), backend(choice), observe() as used:
            operator.function(**case.arguments)
        ran = used.get(operator.name, set())
        require(
            bool(ran) and all(how.startswith(choice) for how in ran),
            f"{case.name}: asked for {choice}, the wrapper reports {', '.join(ran) or 'nothing'}; "
            f"let runs_native('{operator.name}', ...) choose",
        )


def check_equality(operator: Operator, case: Case) -> None:
    """Compare values and gradients of native kernel and reference, the latter in float64.

    The gradient is that of a fixed random weighting of all floating results. A gradient is judged
    by the largest entry of its tensor, for its small entries are differences of large terms.
    """
    expected, gradients = _run(operator, _cast(case.arguments, torch.float64), "reference")
    results, got = _run(operator, case.arguments, "native")
    for n, (want, have) in enumerate(zip(expected, results, strict=True)):
        where = f"{case.name}: result {n}"
        require(have.shape == want.shape, f"{where} has shape {list(have.shape)}")
        if not have.is_floating_point():
            require(torch.equal(have, want), f"{where} differs: {have} is not {want}")
            continue
        relative, absolute = TOLERANCE[have.dtype]
        torch.testing.assert_close(
            have.double(), want, rtol=relative, atol=absolute, equal_nan=True,
            msg=partial("{}: {}".format, where),
        )  # fmt: skip
    for name, want in gradients.items():
        relative, absolute = TOLERANCE[got[name].dtype]
        scale = max(1.0, want.abs().max().item()) if want.numel() else 1.0
        torch.testing.assert_close(
            got[name].double() / scale, want / scale, rtol=relative, atol=absolute,
            msg=partial("{}: {}".format, f"{case.name}: gradient of {name}"),
        )  # fmt: skip


def check_gradient(operator: Operator, case: Case) -> None:
    """Compare the native kernel's gradient with finite differences, in float64."""
    arguments = _cast(case.arguments, torch.float64)
    names = floating(arguments)

    def function(*tensors: Tensor) -> tuple[Tensor, ...]:
        results = operator.function(**arguments | dict(zip(names, tensors, strict=True)))
        return tuple(result for result in _tuple(results) if result.is_floating_point())

    tensors = tuple(arguments[name].requires_grad_() for name in names)
    with backend("native"):
        require(torch.autograd.gradcheck(function, tensors), case.name)


def check_compiled(operator: Operator, case: Case) -> None:
    """Compare the wrapper with itself under `torch.compile` without graph breaks."""
    names = [name for name, value in case.arguments.items() if isinstance(value, Tensor)]
    rest = {name: value for name, value in case.arguments.items() if name not in names}

    def function(*tensors: Tensor) -> Any:
        return operator.function(**dict(zip(names, tensors, strict=True)), **rest)

    tensors = [case.arguments[name] for name in names]
    torch.compiler.reset()  # else earlier cases count towards the limit of recompilations
    compiled: Callable[..., Any] = torch.compile(function, fullgraph=True, backend="aot_eager")
    with backend("native"):
        for want, have in zip(_tuple(function(*tensors)), _tuple(compiled(*tensors)), strict=True):
            torch.testing.assert_close(have, want, equal_nan=True)


def check_determinism(operator: Operator, case: Case) -> None:
    """Demand the same bits, gradients included, from one thread and from three."""
    threads = torch.get_num_threads()
    runs = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            results, gradients = _run(operator, case.arguments, "native")
            runs.append([*results, *gradients.values()])
    finally:
        torch.set_num_threads(threads)
    for one, three in zip(*runs, strict=True):
        same = torch.equal(one.nan_to_num(), three.nan_to_num())
        require(same, f"{case.name}: results depend on the number of threads")


def _run(
    operator: Operator, arguments: dict[str, Any], choice: Any
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Return results and, for a differentiable operator, the gradient of each floating argument."""
    names = floating(arguments) if operator.differentiable else []
    arguments = arguments | {name: arguments[name].detach().requires_grad_() for name in names}
    with backend(choice):
        results = _tuple(operator.function(**arguments))
        if not names:
            return results, {}
        generator = torch.Generator().manual_seed(0)
        loss = torch.zeros((), dtype=torch.float64)
        for result in results:
            weight = torch.randn(result.shape, generator=generator, dtype=torch.float64)
            # The weights are rounded to the results' dtype, so that all runs see the same ones.
            weight = weight.bfloat16().double()
            loss = loss + (result * weight.to(result)).double().sum().cpu()
        gradients = torch.autograd.grad(loss, [arguments[n] for n in names], allow_unused=True)
    return tuple(result.detach() for result in results), {
        name: torch.zeros_like(arguments[name]) if gradient is None else gradient
        for name, gradient in zip(names, gradients, strict=True)
    }


def _cast(arguments: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    return arguments | {name: arguments[name].detach().to(dtype) for name in floating(arguments)}


def floating(arguments: dict[str, Any]) -> list[str]:
    """Return the names of the arguments that are tensors of floating numbers."""
    return [
        name
        for name, value in arguments.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    ]


def _tuple(results: Any) -> tuple[Tensor, ...]:
    return (
        tuple(results)
        if isinstance(results, Iterable) and not isinstance(results, Tensor)
        else (results,)
    )
