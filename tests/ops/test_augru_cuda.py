"""The AUGRU on a GPU at sizes that the emulation on the host is too slow for."""

from __future__ import annotations

import pytest
import torch

from recbench.ops import native
from recbench.ops.augru import OP, augru
from recbench.ops.augru_cases import arguments
from recbench.ops.dispatch import Case, backend
from recbench.testing.operator_checks import check_equality

pytestmark = pytest.mark.cuda

SIZES = [
    (2000, 30, 64),  # blocks of more rows than where there are few
    (40, 9, 128),  # a weight that not every card keeps in shared memory
    (1100, 5, 256),  # one that none does
    (3, 5000, 8),
]


@pytest.fixture
def device(gpu: torch.device) -> torch.device:
    """A GPU that has the kernel."""
    if "augru" not in native.CUDA_KERNELS:
        pytest.skip("no kernel for cuda")
    return gpu


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize(("batch", "steps", "hidden"), SIZES)
def test_equals_the_reference(
    batch: int, steps: int, hidden: int, reset_after: bool, device: torch.device
):
    lengths = [(7 * row) % (steps + 1) for row in range(batch)]
    given = arguments(
        lengths, steps=steps, inputs=hidden, hidden=hidden, reset_after=reset_after,
        device=device, dtype=torch.float64,
    )  # fmt: skip
    check_equality(OP, Case("ragged", given))


def test_many_steps(device: torch.device):
    steps = 100_000
    given = arguments(
        [steps, 1, 0], steps=steps, hidden=8, device=device, dtype=torch.float32, att_mode="agru"
    )
    given["attention"] = torch.zeros_like(given["attention"])
    with backend("native"):
        outputs, last = augru(**given)
    assert torch.equal(last, given["h0"])
    assert torch.equal(outputs[0], given["h0"][0].expand(steps, 8))
    assert not outputs[1, 1:].any()
    assert not outputs[2].any()
