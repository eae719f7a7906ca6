"""The compiled operators: loaded once, where they were built.

`recbench/_ops.so` speaks to torch through its stable C interface, so one build serves torch 2.10
and later. It registers `torch.ops.recbench.*`; fake tensors, gradients and autocast are registered
in Python, beside each operator's reference.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from recbench.errors import RecbenchError

LIBRARY = Path(__file__).parent.parent / "_ops.so"
OLDEST_TORCH = (2, 10)

KERNEL_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""Of vectors, in the library's order; ids, where an operator takes no others, are int64."""


def _load() -> tuple[str, str]:
    """Load the library; return the instruction set it uses, or none and why."""
    if not LIBRARY.exists():
        return "", "not built; see `pip install` with RECBENCH_EXT=1 for the compiler's words"
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < OLDEST_TORCH:
        return "", f"torch {torch.__version__} is older than 2.10"
    try:
        torch.ops.load_library(str(LIBRARY))  # type: ignore[no-untyped-call]
    except OSError as error:
        return "", f"not loaded: {error}"
    library = ctypes.CDLL(str(LIBRARY))
    if not hasattr(library, "recbench_cuda_architectures"):
        return "", "built from older sources; install recbench again"
    library.recbench_isa.restype = ctypes.c_char_p
    library.recbench_isa_refusal.restype = ctypes.c_char_p
    refusal: bytes | None = library.recbench_isa_refusal()
    if refusal:
        raise RecbenchError(f"RECBENCH_ISA={os.environ.get('RECBENCH_ISA')}: {refusal.decode()}")
    isa: bytes = library.recbench_isa()
    return isa.decode(), ""


ISA, REFUSAL = _load()
"""Instruction set of the compiled kernels ("" if they are not loaded), and why they are not."""

LOADED = bool(ISA)


def _cuda() -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the architectures that the library has CUDA kernels for, and their operators."""
    if not LOADED:
        return (), frozenset()
    library = ctypes.CDLL(str(LIBRARY))
    library.recbench_cuda_architectures.restype = ctypes.c_char_p
    listed: bytes = library.recbench_cuda_architectures()
    registered = torch._C._dispatch_get_registrations_for_dispatch_key("CUDA")
    mine = (name.removeprefix("recbench::") for name in registered if name.startswith("recbench::"))
    return tuple(filter(None, listed.decode().split(","))), frozenset(mine)


CUDA_ARCHITECTURES, CUDA_KERNELS = _cuda()
"""Such as "80-real", or "90" where PTX for later cards is there too; and names of operators."""


@cache
def ask(function: str, *numbers: int) -> int:
    """Return what a function of the library, one for Python, makes of some numbers."""
    found = getattr(ctypes.CDLL(str(LIBRARY)), f"recbench_{function}")
    found.restype = ctypes.c_int64
    answer: int = found(*map(ctypes.c_int64, numbers))
    return answer


def transform_refusal(tensors: Iterable[Tensor]) -> str:
    """Return why a kernel cannot follow how these tensors are differentiated, empty if it can.

    PyTorch calls an operator's gradient in backward passes alone: with derivatives in forward mode
    it would take the kernel's results for constants.
    """
    if torch.compiler.is_compiling():
        return ""
    if torch._C._are_functorch_transforms_active():
        return "no kernel under transforms of torch.func"
    duals = map(unpack_dual, tensors)
    if any(dual.tangent is not None for dual in duals):
        return "no derivatives in forward mode"
    return ""


def refuse_second_order(name: str) -> None:
    """Make differentiating the native operator `name`, itself a gradient, a clear error."""

    def backward(ctx: Any, *gradients: Any) -> NoReturn:
        operator = name.removesuffix("_backward")
        raise RuntimeError(
            f"{operator}: the native kernel has first-order gradients only; "
            'for second-order ones run it under recbench.ops.backend("reference")'
        )

    torch.library.register_autograd(f"recbench::{name}", backward)
