"""Measures one case of an operator, all contenders in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from benchmarks.clock import clock_of
from benchmarks.ops import augru, din_attention, sim_search
from benchmarks.ops.contender import (
    Arguments,
    Call,
    Subject,
    UnavailableError,
    compiled_call,
    native_call,
    peer_call,
    reference_call,
)
from benchmarks.ops.onednn import onednn_call
from benchmarks.ops.plan import Plan
from benchmarks.ops.series import Series, Timing
from recbench.memory import ran_out
from recbench.ops.dispatch import Case, Operator
from recbench.ops.timing import alternate

SUBJECTS: dict[str, Subject] = {
    "din_attention": din_attention.SUBJECT,
    "augru": augru.SUBJECT,
    "sim_search_soft": sim_search.SOFT,
    "sim_search_hard": sim_search.HARD,
    "category_index": sim_search.INDEX,
}

TOLERANCE = 1e-3
"""How far results may differ, as a share of their largest: enough to tell another computation."""


class WrongError(Exception):
    """A contender does not give what the reference gives."""


@dataclass
class Measurement:
    """What was measured of one case.

    Attributes:
        operator: Its name.
        case: The case's name.
        threads: How many were used; None on a GPU.
        direction: "forward", or "forward and backward".
        flops: What the case demands at least; see `Work`.
        bytes: The same.
        timings: By contender.
        absent: Why a contender was not measured, by contender.
        about: What a contender is, where its name does not say.
        memory: The most bytes that a contender held on a GPU at a time, by contender.
    """

    operator: str
    case: str
    threads: int | None
    direction: str
    flops: float
    bytes: float
    timings: dict[str, Timing] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)


def measure(operator: Operator, case: Case, plan: Plan) -> Iterator[Measurement]:
    """Measure a case with each number of threads or on the GPU, forward and then with gradients."""
    counts: Collection[int | None] = plan.threads or [None]
    for threads in counts:
        if threads is not None:
            torch.set_num_threads(threads)
        for gradient in (False, True)[: 1 + operator.differentiable]:
            yield _measure(operator, case, plan, threads, gradient)


def _measure(
    operator: Operator, case: Case, plan: Plan, threads: int | None, gradient: bool
) -> Measurement:
    subject = SUBJECTS[operator.name]
    work = subject.work(case.arguments, gradient)
    result = Measurement(
        operator.name,
        case.name,
        threads,
        "forward and backward" if gradient else "forward",
        work.flops,
        work.bytes,
    )
    calls: dict[str, Call] = {}
    try:
        for name, make in _contenders(operator, plan).items():
            try:
                calls[name] = make(case.arguments, gradient)
                _check(operator, calls[name], gradient)
            except WrongError as reason:
                result.absent[name] = str(reason)
                calls.pop(name).close()
            except UnavailableError as reason:
                result.absent[name] = str(reason)
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                result.absent[name] = "the GPU's memory is too small"
                calls.pop(name, None)
        clock = clock_of(plan.device)
        series = {name: Series(call, clock) for name, call in calls.items()}
        if series:
            alternate(series, plan.seconds)
        for name, call in calls.items():
            if (held := clock.memory(call.run)) is not None:
                result.memory[name] = held
    finally:
        for call in calls.values():
            call.close()
    for name, each in series.items():
        result.timings[name] = each.timing()
        if calls[name].about:
            result.about[name] = calls[name].about
    return result


def _contenders(operator: Operator, plan: Plan) -> dict[str, Callable[[Arguments, bool], Call]]:
    """Return how to make each contender's call, by its name."""
    contenders: dict[str, Callable[[Arguments, bool], Call]] = {
        "native": partial(native_call, operator),
        "reference": partial(reference_call, operator),
        "compiled": partial(compiled_call, operator),
    }
    subject = SUBJECTS[operator.name]
    if subject.loops and not plan.compile_loops:
        contenders["compiled"] = _too_long
    for name, peer in subject.peers.items():
        contenders[name] = partial(peer_call, peer)
    if operator.name == "augru" and plan.device.type == "cpu":
        contenders["oneDNN"] = partial(onednn_call, plan.onednn)
    return {name: make for name, make in contenders.items() if name not in plan.without}


def _too_long(arguments: Arguments, gradient: bool) -> Call:
    raise UnavailableError("its loop takes minutes to compile; see --compile-loops")


def _check(operator: Operator, call: Call, gradient: bool) -> None:
    """Raise WrongError unless a contender gives what the reference gives."""
    expected = reference_call(operator, call.like, gradient).run()
    for n, (want, have) in enumerate(zip(expected, call.run(), strict=True)):
        if want is None or have is None or n in call.free:
            continue  # None: an argument that one of them does not know
        if _difference(want, have) > TOLERANCE:
            raise WrongError(f"result {n} is not the reference's")


def _difference(want: Tensor, have: Tensor) -> float:
    """Return the largest difference as a share of the largest value, or the share that differs."""
    if not want.is_floating_point():
        # Positions: where scores are nearly equal, rounding may change their order.
        return (want != have).double().mean().item()
    finite = want.isfinite()
    if not torch.equal(finite, have.isfinite()):
        return float("inf")
    want, have = want[finite], have[finite]
    scale = want.abs().max().clamp(min=1e-6) if want.numel() else 1
    return float(((want - have).abs() / scale).max()) if want.numel() else 0.0
