"""Times ways to compute one thing against each other, fairly on a noisy machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from recbench.ops.dispatch import Backend, Case, Operator, backend


@dataclass(frozen=True)
class Timing:
    """Median seconds of an operator's two implementations.

    Attributes:
        direction: "forward", or "forward and backward".
        native: Of the native kernel.
        reference: Of the reference.
    """

    direction: str
    native: float
    reference: float


def compare(operator: Operator, case: Case, seconds: float) -> Iterator[Timing]:
    """Time an operator's implementations on a case, forward and then with the gradient.

    Args:
        operator: The operator.
        case: Its arguments.
        seconds: How long to measure each implementation in each direction.

    Raises:
        RuntimeError: If the native kernel cannot run here.
    """
    directions = ("forward", "forward and backward")[: 2 if operator.differentiable else 1]
    for gradient, direction in enumerate(directions):
        times = alternate(
            {
                "native": _caller(operator, case, "native", bool(gradient)),
                "reference": _caller(operator, case, "reference", bool(gradient)),
            },
            seconds,
        )
        yield Timing(direction, median(times["native"]), median(times["reference"]))


def alternate(
    contenders: Mapping[str, Callable[[], Any]], seconds: float
) -> dict[str, list[float]]:
    """Call each contender in turn, again and again; return the seconds of every call.

    What slows the machine for a while slows all of them, so ratios of medians hold.

    Args:
        contenders: Functions by name; each is called once before, unmeasured.
        seconds: How long to go on for, per contender; at least three rounds are made.
    """
    for call in contenders.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    end = perf_counter() + seconds * len(contenders)
    while min(map(len, times.values())) < 3 or perf_counter() < end:
        for name, call in contenders.items():
            start = perf_counter()
            call()
            times[name].append(perf_counter() - start)
    return times


def rows_to_time(device: torch.device, rows: int) -> int:
    """Return how many rows to time where a CPU takes `rows`: a GPU computes many more at a time."""
    return 16 * rows if device.type == "cuda" else rows


def _caller(
    operator: Operator, case: Case, choice: Backend, gradient: bool
) -> Callable[[], object]:
    arguments = dict(case.arguments)
    floating = [
        name
        for name, value in arguments.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    ]
    if gradient:
        arguments |= {name: arguments[name].detach().requires_grad_() for name in floating}

    def forward() -> object:
        with backend(choice), torch.no_grad():
            return operator.function(**arguments)

    def both() -> object:
        with backend(choice):
            results = operator.function(**arguments)
        loss = results if isinstance(results, Tensor) else results[0]
        return torch.autograd.grad(loss.sum(), [arguments[name] for name in floating])

    return both if gradient else forward
