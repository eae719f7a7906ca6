from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch

from recbench.ops import backend, native


@pytest.fixture(autouse=True)
def choose_freely():
    """Let each test choose its implementation, whatever RECBENCH_OPS says."""
    with backend("auto"):
        yield


@pytest.fixture
def arguments() -> Callable[..., dict[str, Any]]:
    """Return a function that makes arguments of `din_attention`: four rows, of up to five steps."""
    return _arguments


def _arguments(
    activation: str = "sigmoid", normalize: str = "none", **changes: Any
) -> dict[str, Any]:
    torch.manual_seed(0)
    rows, width, hidden1, hidden2 = 4, 3, 6, 4
    shapes = {
        "query": (rows, width),
        "keys": (rows, 5, width),
        "w1": (hidden1, 4 * width),
        "b1": (hidden1,),
        "w2": (hidden2, hidden1),
        "b2": (hidden2,),
        "w3": (hidden2,),
        "b3": (1,),
    }
    if activation in ("prelu", "dice"):
        shapes |= {"slope1": (hidden1,), "slope2": (hidden2,)}
    if activation == "dice":
        shapes |= {"gate1": (2, hidden1), "gate2": (2, hidden2)}
    tensors = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
    options = {"activation": activation, "normalize": normalize}
    return {**tensors, "lengths": torch.tensor([5, 1, 0, 3]), **options, **changes}


EMULATED = "RECBENCH_TEST_EMULATED" in os.environ
"""Whether operators on the CPU are those for GPUs, emulated; see csrc/cuda/test_operators.py."""


@pytest.fixture
def gpu() -> torch.device:
    """A GPU."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if not native.CUDA_ARCHITECTURES:
        pytest.skip("the library is built without CUDA")
    return torch.device("cuda", torch.cuda.current_device())


@pytest.fixture
def device(request) -> torch.device:
    """A GPU, or the host where it stands for one."""
    return torch.device("cpu") if EMULATED else request.getfixturevalue("gpu")
