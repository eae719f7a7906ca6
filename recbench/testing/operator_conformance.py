"""The conformance checks of operators: that a native kernel keeps what its reference defines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from recbench.ops.dispatch import Case, Operator
from recbench.ops.native import KERNEL_DTYPES
from recbench.testing import operator_checks as checks
from recbench.testing.check_result import CheckFailure

GRADIENT_SIZE = 300
"""Numbers among the arguments up to which finite differences are taken: one at a time."""

OPERATOR_CHECKS: tuple[Callable[[Operator, Case], None], ...] = (
    checks.check_choice,
    checks.check_equality,
    checks.check_gradient,
    checks.check_determinism,
    checks.check_compiled,
)
"""What every operator must pass, in the order in which a failure is best understood."""


def check_op(
    operator: Operator,
    dtypes: Iterable[torch.dtype] = KERNEL_DTYPES,
    device: torch.device | str = "cpu",
    only: Sequence[str] = (),
) -> None:
    """Run every check on every case of an operator, up to the first that fails.

    They are: the wrapper runs what `backend` asks for and says so; kernel and reference agree, in
    results and gradients; gradients agree with finite differences; results do not depend on the
    number of threads; the wrapper compiles in one graph. Equality is checked in each dtype, against
    the reference in float64, the others in the first of `dtypes`, finite differences in float64.

    Args:
        operator: Its wrapper, reference and cases.
        dtypes: Those that the kernel takes.
        device: Where the kernel runs.
        only: Names of the checks to run, such as "check_equality"; all if empty.

    Raises:
        CheckFailure: If the operator fails a check.
    """
    place, kinds = torch.device(device), tuple(dtypes)
    for check in OPERATOR_CHECKS:
        if only and check.__name__ not in only:
            continue
        for case in _cases(operator, check, place, kinds):
            _run(check, operator, case)


def _cases(
    operator: Operator,
    check: Callable[[Operator, Case], None],
    device: torch.device,
    dtypes: Sequence[torch.dtype],
) -> Iterator[Case]:
    """Yield the cases that a check concerns."""
    if check is checks.check_gradient:
        if operator.differentiable:
            found = operator.cases(device, torch.float64)
            yield from (case for case in found if _is_small(case))
        return
    if check is checks.check_determinism and device.type != "cpu":
        return
    for dtype in dtypes if check is checks.check_equality else dtypes[:1]:
        yield from operator.cases(device, dtype)


def _is_small(case: Case) -> bool:
    """Return whether finite differences can be taken: few numbers, and all of them finite."""
    numbers = [case.arguments[name] for name in checks.floating(case.arguments)]
    count = sum(tensor.numel() for tensor in numbers)
    return count <= GRADIENT_SIZE and all(bool(tensor.isfinite().all()) for tensor in numbers)


def _run(check: Callable[[Operator, Case], None], operator: Operator, case: Case) -> None:
    try:
        check(operator, case)
    except Exception as error:
        told = str(error) if isinstance(error, AssertionError) else f"it raises {error!r}"
        cause = told if case.name in told else f"{case.name}: {told}"
        raise CheckFailure(operator.name, check.__name__, cause) from error
