"""The device that a run computes on: chosen by name, and made to repeat itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import torch

from recbench.errors import UsageError

DEVICES = "auto, cpu, cuda or cuda:N"
"""What a device may be called."""

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that says which GPUs a process may use."""

GRAPHS = "RECBENCH_CUDA_GRAPHS"
"""The variable that says whether training steps are replayed as CUDA graphs."""


def choose(name: str) -> str:
    """Return the device that a name stands for: `auto` is a GPU where torch finds one.

    Raises:
        UsageError: If there is no such device here, or it cannot be used, or not with CUDA graphs
            where these are asked for.
    """
    device = name
    if name == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if reason := refusal(device):
        raise UsageError(f"device '{name}' cannot be used: {reason}; try --device auto")
    wants_graphs(device)
    return device


def wants_graphs(device: str) -> bool:
    """Return whether training steps on a device are to be replayed as CUDA graphs.

    Raises:
        UsageError: If `RECBENCH_CUDA_GRAPHS` is neither 0 nor 1, or 1 and the device is no GPU.
    """
    text = os.environ.get(GRAPHS) or "0"
    if text not in ("0", "1"):
        raise UsageError(f"{GRAPHS} is '{text}'; give 0 or 1")
    if text == "1" and without_number(device) != "cuda":
        raise UsageError(f"{GRAPHS}=1 needs a GPU, and the device is '{device}'; unset it")
    return text == "1"


def without_number(device: str) -> str:
    """Return a device as it counts for results: the cards of one machine are as good as one."""
    return device.partition(":")[0]


def visible_cards() -> list[str]:
    """Return the GPUs that this process may use, each as `CUDA_VISIBLE_DEVICES` calls it."""
    count = torch.cuda.device_count()
    named = os.environ.get(VISIBLE)
    return [str(place) for place in range(count)] if named is None else named.split(",")[:count]


class SideStreams(NamedTuple):
    """The streams that work beside a GPU's current one.

    Attributes:
        copies: For batches on their way to the GPU.
        steps: For training steps that are recorded as CUDA graphs.
    """

    copies: torch.cuda.Stream
    steps: torch.cuda.Stream


@cache
def side_streams(device: torch.device) -> SideStreams:
    """Return the streams beside a GPU's current one, two different ones and always the same.

    A new stream each time would make cuBLAS keep a new workspace, and come round, after as many as
    PyTorch has, to one that something else is using.
    """
    made = (torch.cuda.Stream(device) for _ in SideStreams._fields)  # type: ignore[no-untyped-call]
    return SideStreams(*made)


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Take deterministic algorithms on a GPU within, so that two runs agree; a CPU's always are.

    An operation that has none runs all the same, and torch warns of it. `CUBLAS_WORKSPACE_CONFIG`
    stays as it is where it is set. Memory that torch gives out is not filled first, as torch else
    does with deterministic algorithms to betray who reads it unwritten.
    """
    if without_number(device) != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at the first product
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = filled


def refusal(device: str) -> str:
    """Return why a device cannot be used; empty if it can."""
    kind, colon, number = device.partition(":")
    if device == "cpu":
        return ""
    if kind != "cuda" or (colon and not number.isdecimal()):
        return f"a device is {DEVICES}"
    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        return (
            f"this PyTorch ({torch.__version__}) is built without CUDA; "
            "https://pytorch.org/get-started/locally has others"
        )
    if not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} finds no GPU; `nvidia-smi` shows what the driver finds"
    cards = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
    if number and int(number) >= len(cards):
        there = ", ".join(f"cuda:{place} ({card})" for place, card in enumerate(cards))
        return f"there is no such GPU here, but {there}"
    try:
        torch.empty(0, device=device)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""
