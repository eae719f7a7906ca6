"""A way to compute what an operator computes, made ready to be called again and again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from recbench.ops import native
from recbench.ops.dispatch import Backend, Operator, backend, observe

Arguments = dict[str, Any]


class UnavailableError(Exception):
    """Why a contender cannot take a case; its text goes into the results."""


@dataclass(frozen=True)
class Work:
    """The least a case demands of any implementation.

    Attributes:
        flops: Additions and multiplications, without activation functions.
        bytes: What must be read and written if every value moves once in each direction.
    """

    flops: float
    bytes: float


@dataclass(frozen=True)
class Peer:
    """Another way to compute what an operator computes, or nearly so.

    Attributes:
        function: Takes the arguments of the operator's wrapper; raises UnavailableError.
        like: Returns the arguments at which the reference gives the same results.
        ready: Returns the arguments as it wants them, for which nothing is charged.
        free: Which results may differ all the same, such as positions among equals.
    """

    function: Callable[..., Any]
    like: Callable[[Arguments], Arguments] = field(default=lambda arguments: arguments)
    ready: Callable[[Arguments], Arguments] = field(default=lambda arguments: arguments)
    free: Collection[int] = ()


@dataclass(frozen=True)
class Subject:
    """What the benchmark knows of an operator.

    Attributes:
        work: What a case demands, given its arguments and whether gradients are taken.
        peers: Other ways to compute it, by name.
        loops: Whether its reference is a loop over steps, which takes minutes to compile.
    """

    work: Callable[[Arguments, bool], Work]
    peers: Mapping[str, Peer]
    loops: bool = False


@dataclass(frozen=True)
class Call:
    """A contender made ready for one case.

    Attributes:
        run: Computes results, and gradients if they are wanted.
        like: The arguments at which the reference gives the same.
        free: Which results may differ all the same.
        seconds: What each run took by the contender's own clock, if it has one.
        about: What it is, where its name does not say.
        close: Frees what it holds.
    """

    run: Callable[[], tuple[Tensor | None, ...]]
    like: Arguments
    free: Collection[int] = ()
    seconds: list[float] | None = None
    about: str = ""
    close: Callable[[], None] = lambda: None


def native_call(operator: Operator, arguments: Arguments, gradient: bool) -> Call:
    """Return the native kernel's call."""
    if not native.LOADED:
        raise UnavailableError(native.REFUSAL)
    return _own_call(operator, arguments, gradient, "native")


def reference_call(operator: Operator, arguments: Arguments, gradient: bool) -> Call:
    """Return the reference's call."""
    return _own_call(operator, arguments, gradient, "reference")


def _own_call(operator: Operator, arguments: Arguments, gradient: bool, choice: Backend) -> Call:
    def function(**given: Any) -> Any:
        with backend(choice):
            return operator.function(**given)

    run = caller(function, arguments, gradient)
    with observe() as used:
        try:
            run()
        except RuntimeError as error:
            if "demanded but cannot run" not in str(error):
                raise
            raise UnavailableError(str(error)) from error
    if not all(name.startswith(choice) for name in used[operator.name]):
        raise UnavailableError(f"asked for {choice}, got {', '.join(used[operator.name])}")
    return Call(run, arguments)


def compiled_call(operator: Operator, arguments: Arguments, gradient: bool) -> Call:
    """Return the call of the reference as torch.compile makes it, for these shapes alone."""
    torch._dynamo.reset()
    compiled = torch.compile(operator.function, dynamic=False)

    def function(**given: Any) -> Any:
        with backend("reference"):
            return compiled(**given)

    run = caller(function, arguments, gradient)
    try:
        run()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler may say
        raise UnavailableError(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
    return Call(run, arguments)


def peer_call(peer: Peer, arguments: Arguments, gradient: bool) -> Call:
    """Return a peer's call; raise UnavailableError if it cannot take the arguments."""
    run = caller(peer.function, peer.ready(arguments), gradient)
    run()
    return Call(run, peer.like(arguments), peer.free)


def caller(
    function: Callable[..., Any], arguments: Arguments, gradient: bool
) -> Callable[[], tuple[Tensor | None, ...]]:
    """Return a call of `function` that returns its results, followed by gradients if wanted.

    The gradient is that of all floating results, each weighted by fixed random numbers, for all
    floating arguments; None stands where there is none.
    """
    if not gradient:

        def forward() -> tuple[Tensor | None, ...]:
            with torch.no_grad():
                return as_tuple(function(**arguments))

        return forward
    names = floating(arguments)
    arguments = arguments | {name: arguments[name].detach().requires_grad_() for name in names}
    inputs = [arguments[name] for name in names]
    weights: list[Tensor] = []

    def both() -> tuple[Tensor | None, ...]:
        results = [r for r in as_tuple(function(**arguments)) if r.is_floating_point()]
        if not weights:
            weights.extend(output_weights(results))
        gradients = torch.autograd.grad(results, inputs, weights, allow_unused=True)
        return (*(result.detach() for result in results), *gradients)

    return both


def output_weights(results: list[Tensor]) -> list[Tensor]:
    """Return the weights of results in the loss that gradients are taken of."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(result.shape, generator=generator).to(result.device) for result in results]


def floating(arguments: Arguments) -> list[str]:
    """Return the names of the floating tensors among the arguments."""
    return [
        name
        for name, value in arguments.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    ]


def as_tuple(results: Any) -> tuple[Tensor, ...]:
    """Return an operator's result or results as a tuple."""
    return (results,) if isinstance(results, Tensor) else tuple(results)
