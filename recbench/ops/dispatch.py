"""Which implementation of an operator runs, and why.

Every operator has a reference in PyTorch, which is its definition, and may have a native kernel.
The native one runs where it is loaded and takes the arguments, unless the reference is asked for:
by `with backend("reference")` or the environment variable RECBENCH_OPS=reference. With "native" a
refusal is an error instead of a silent change of speed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from recbench.errors import UsageError
from recbench.ops import cuda, native
from recbench.ops.native import KERNEL_DTYPES

Backend = Literal["auto", "native", "reference"]


def _from_environment() -> str:
    chosen = os.environ.get("RECBENCH_OPS", "auto")
    if chosen not in get_args(Backend):
        choices = ", ".join(get_args(Backend))
        raise UsageError(f"RECBENCH_OPS: expected one of {choices}, got '{chosen}'")
    return chosen


_backend: str = _from_environment()
_observers: list[dict[str, set[str]]] = []


@dataclass(frozen=True)
class Case:
    """Arguments to try an operator on.

    Attributes:
        name: What is particular about them.
        arguments: The public wrapper's arguments by name.
    """

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Operator:
    """An operator: its name, both implementations and what it is tried on.

    Attributes:
        name: As in `torch.ops.recbench`.
        function: The public wrapper.
        reference: The definition, in PyTorch.
        cases: Cases on a device in a dtype, edge cases first.
        benchmarks: Cases of a size to measure speed with, on a device.
        differentiable: Whether it has gradients.
    """

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    cases: Callable[[torch.device, torch.dtype], Iterable[Case]] = field(repr=False)
    benchmarks: Callable[[torch.device], Iterable[Case]] = field(repr=False)
    differentiable: bool = True


@contextmanager
def backend(choice: Backend) -> Iterator[None]:
    """Run operators called within by `choice`: "auto", "native" or "reference"."""
    global _backend
    if choice not in get_args(Backend):
        raise ValueError(f"backend: expected one of {get_args(Backend)}, got '{choice}'")
    before, _backend = _backend, choice
    try:
        yield
    finally:
        _backend = before


@contextmanager
def observe() -> Iterator[Mapping[str, set[str]]]:
    """Collect which implementations each operator called within has used."""
    used: dict[str, set[str]] = {}
    _observers.append(used)
    try:
        yield used
    finally:
        _observers[:] = [each for each in _observers if each is not used]


def report_use(used: Mapping[str, Iterable[str]]) -> None:
    """Tell whoever observes which implementations an earlier process has used, by operator."""
    for observer in _observers:
        for name, how in used.items():
            observer.setdefault(name, set()).update(how)


def runs_native(
    name: str, tensors: Iterable[Tensor], refusal: str = "", *, unavailable: str | None = None
) -> bool:
    """Choose the implementation for one call of operator `name`.

    Args:
        name: The operator.
        tensors: Its tensors of the kinds that kernels are made for; they share a device. None of
            them if the kernel is made for other devices and dtypes than recbench's own.
        refusal: Why the native kernel cannot take these arguments; empty if it can.
        unavailable: Why no kernel of a library other than recbench's can run; empty if it is
            loaded. None for a kernel of recbench's own.

    Raises:
        RuntimeError: If the native kernel is demanded and refuses.
    """
    kinds: list[tuple[torch.device, torch.dtype]] = []
    for tensor in tensors:
        if (kind := (tensor.device, tensor.dtype)) not in kinds:
            kinds.append(kind)
    found = (_refusal(name, device, dtype) for device, dtype in kinds)
    refusal = _unavailable(unavailable) or next(filter(None, found), refusal)
    if refusal and _backend == "native":
        raise RuntimeError(f"{name}: the native kernel is demanded but cannot run: {refusal}")
    if not torch.compiler.is_compiling():
        for used in _observers:
            ran = _native(kinds[0][0]) if unavailable is None else "native"
            used.setdefault(name, set()).add(f"reference ({refusal})" if refusal else ran)
    return not refusal


def implementation(name: str, device: torch.device, dtype: torch.dtype = torch.float32) -> str:
    """Return what operator `name` runs on a device in a dtype, and why if not its native kernel."""
    refusal = _unavailable() or _refusal(name, device, dtype)
    return f"reference ({refusal})" if refusal else _native(device)


def _native(device: torch.device) -> str:
    return f"native ({native.ISA if device.type == 'cpu' else device.type})"


def _unavailable(library: str | None = None) -> str:
    """Return why no native kernel of a library, or of recbench's own, runs; empty if some may."""
    if _backend == "reference":
        return "asked for"
    return native.REFUSAL if library is None else library


def _refusal(name: str, device: torch.device, dtype: torch.dtype) -> str:
    if dtype not in (*KERNEL_DTYPES, torch.int64):
        return f"no kernel for {dtype}"
    if device.type == "cuda":
        return cuda.refusal(name, device)
    return "" if device.type == "cpu" else f"no kernel for {device.type}"
