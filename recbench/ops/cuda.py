"""Which operators run on a GPU, asked of the library and of the card, not of how it was built."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import torch

from recbench.ops import native

MOST_BLOCKS = 2**31 - 1

_Function = TypeVar("_Function", bound=Callable[..., object])


def refusal(name: str, device: torch.device) -> str:
    """Return why operator `name` has no kernel to run on a GPU, empty if it has one."""
    if not native.CUDA_ARCHITECTURES:
        return f"no kernel for {device.type}: built without CUDA"
    if name not in native.CUDA_KERNELS:
        return f"no kernel for {device.type}"
    return _card_refusal(device.index)


def size_refusal(device: torch.device, *, blocks: int, shared: int) -> str:
    """Return why a kernel of a size cannot start on a GPU, empty if it can.

    Args:
        device: The GPU.
        blocks: Blocks of threads.
        shared: Bytes of shared memory of each.
    """
    if blocks > MOST_BLOCKS:
        return f"{blocks} rows are more than the {MOST_BLOCKS} that a GPU takes at once"
    most = _most_shared(device.index)
    if shared > most:
        return f"so wide that {shared} bytes of shared memory were needed; the card has {most}"
    return ""


def kernels() -> str:
    """Say for which cards the library has kernels, and whether there is one to run them."""
    if not native.CUDA_ARCHITECTURES:
        return "none: built without CUDA"
    numbers = [re.sub("-.*", "", each) for each in native.CUDA_ARCHITECTURES]
    ptx = ", PTX" if _portable() else ""
    here = "" if torch.cuda.is_available() else "; compiled, no GPU here"
    return ", ".join(f"sm_{number}" for number in numbers) + ptx + here


def _portable() -> list[int]:
    """Return the architectures whose PTX the library has, which later cards compile for them."""
    return [int(each) for each in native.CUDA_ARCHITECTURES if each.isdigit()]


def _constant(function: _Function) -> _Function:
    """Let `torch.compile` call `function` while it traces, rather than trace it."""
    # What torch.compiler.assume_constant_result does, which would import the compiler.
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@_constant
def _card_refusal(index: int | None) -> str:
    if torch.version.cuda is None or not torch.cuda.is_available():
        return "no CUDA device here"
    major, minor = torch.cuda.get_device_capability(index)
    made = [int(each.removesuffix("-real")) for each in native.CUDA_ARCHITECTURES]
    card = 10 * major + minor
    if any(n // 10 == major and n <= card for n in made) or any(n <= card for n in _portable()):
        return ""
    return f"no kernel for sm_{card}; there are some for {kernels()}"


@_constant
def _most_shared(index: int) -> int:
    return native.most_shared(index)
