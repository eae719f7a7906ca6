"""Which operators run on a GPU, asked of the library and of the card, not of how it was built."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from recbench.ops import native
from recbench.ops.native import KERNEL_DTYPES

MOST_BLOCKS = 2**31 - 1

_Function = TypeVar("_Function", bound=Callable[..., object])


def refusal(name: str, device: torch.device) -> str:
    """Return why operator `name` has no kernel to run on a GPU, empty if it has one."""
    if not native.CUDA_ARCHITECTURES:
        return f"no kernel for {device.type}: built without CUDA"
    if name not in native.CUDA_KERNELS:
        return f"no kernel for {device.type}"
    return _card_refusal(device.index)


def refusal_of_gradient(name: str, device: torch.device) -> str:
    """Return why operator `name` has no gradient on a GPU, empty if it has one or is on no GPU."""
    if device.type != "cuda" or f"{name}_backward" in native.CUDA_KERNELS:
        return ""
    return f"no kernel for {device.type} of its gradient"


def size_refusal(
    name: str, device: torch.device, dtype: torch.dtype, blocks: int, sizes: Iterable[int]
) -> str:
    """Return why operator `name` cannot run at a size on a GPU, empty if it can or is on no GPU.

    Args:
        name: The operator, whose kernel's shared memory the library tells.
        device: Where its tensors are.
        dtype: Of what it reads.
        blocks: Blocks of threads.
        sizes: What the shared memory depends on beside the dtype, in the library's order.
    """
    if device.type != "cuda" or name not in native.CUDA_KERNELS or dtype not in KERNEL_DTYPES:
        return ""
    if blocks > MOST_BLOCKS:
        return f"more rows than the {MOST_BLOCKS} blocks of a GPU"
    # By `index` sizes that `torch.compile` keeps open are fixed, for it has to know the answer.
    fixed = map(operator.index, sizes)
    needed = _ask(f"{name}_shared", *fixed, KERNEL_DTYPES.index(dtype))
    most = _ask("most_shared", device.index)
    return "" if needed <= most else f"too wide: {needed} bytes of shared memory, {most} at most"


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
    card = native.ask("capability", index or 0)
    if not card:
        return "no device for the kernels' CUDA runtime; is the driver older than it?"
    made = [int(each.removesuffix("-real")) for each in native.CUDA_ARCHITECTURES]
    if any(n // 10 == card // 10 and n <= card for n in made) or any(
        n <= card for n in _portable()
    ):
        return ""
    return f"no kernel for sm_{card}; there are some for {kernels()}"


@_constant
def _ask(function: str, *numbers: int) -> int:
    return native.ask(function, *numbers)
