"""Operators on a GPU with more elements than 32 bits count, and more than it has memory for.

Where the emulation stands for a GPU there are fewer, so that the tests themselves are tried.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recbench.memory import ran_out
from recbench.ops import augru, backend, din_attention, sim_search_hard, sim_search_soft
from recbench.ops.augru_cases import arguments as augru_arguments

pytestmark = pytest.mark.cuda

REAL = 4
"""Rows at the end that have events; those before have none, and only take room."""


def room(device: torch.device, gigabytes: int) -> int:
    """Return how many elements to pass over; skip where the GPU has not as much memory free."""
    if device.type == "cpu":
        return 1 << 12
    if torch.cuda.mem_get_info(device)[0] < gigabytes << 30:
        pytest.skip(f"needs {gigabytes} GB of the GPU's memory")
    return 1 << 31


def with_gradients(function: Any, given: dict[str, Any], names: list[str]) -> list[Tensor]:
    """Return the kernel's results, and the gradients of some arguments."""
    given = given | {name: given[name].detach().requires_grad_() for name in names}
    with backend("native"):
        found = function(**given)
    results = list(found) if isinstance(found, tuple) else [found]
    loss = sum(result[-REAL:].float().sum() for result in results)
    return [*results, *torch.autograd.grad(loss, [given[name] for name in names])]


def test_attention_finds_the_last_of_many_keys(device: torch.device):
    steps, width, hidden = 40, 16, 8
    rows = room(device, 12) // (steps * width) + REAL
    draw = torch.Generator(device).manual_seed(0)
    shapes = {"query": (rows, width), "w1": (hidden, 4 * width), "b1": (hidden,)}
    shapes |= {"w2": (hidden, hidden), "b2": (hidden,), "w3": (hidden,), "b3": (1,)}
    half = {"dtype": torch.bfloat16, "device": device}
    given: dict[str, Any] = {
        name: torch.randn(shape, generator=draw, **half) for name, shape in shapes.items()
    }
    given |= {"keys": torch.zeros(rows, steps, width, **half), "activation": "sigmoid"}
    given["keys"][-REAL:] = torch.randn(REAL, steps, width, generator=draw, **half)
    given |= {"lengths": torch.zeros(rows, dtype=torch.int64, device=device), "normalize": "none"}
    given["lengths"][-REAL:] = torch.arange(REAL, device=device) * 12 + 1
    last = {name: given[name][-REAL:].clone() for name in ("query", "keys", "lengths")}
    names = ["query", "keys"]
    found = with_gradients(din_attention, given, names)
    expected = with_gradients(din_attention, given | last, names)
    for many, few in zip(found, expected, strict=True):
        assert torch.equal(many[-REAL:], few)
        assert not many[0].any()


@pytest.mark.parametrize("reset_after", [True, False])
def test_augru_finds_the_last_of_many_steps(reset_after: bool, device: torch.device):
    steps, hidden = 64, 16
    rows = room(device, 72) // (steps * 3 * hidden) + REAL
    given = augru_arguments(
        [0] * (rows - REAL) + [2, 64, 0, 33], steps=steps, hidden=hidden, inputs=4,
        reset_after=reset_after, device=device, dtype=torch.float32,
    )  # fmt: skip
    last = {name: given[name][-REAL:].clone() for name in ("x", "attention", "lengths", "h0")}
    names = ["x", "attention", "w_ih", "w_hh", "b_ih", "b_hh", "h0"]
    found = with_gradients(augru, given, names)
    expected = with_gradients(augru, given | last, names)
    for many, few in zip(found, expected, strict=True):
        many = many[-REAL:] if len(many) == rows else many
        torch.testing.assert_close(many, few, rtol=1e-4, atol=1e-4)


def test_soft_search_finds_the_last_of_many_keys(device: torch.device):
    width, length = 16, 700
    events = room(device, 8) // width + length
    keys = torch.zeros(events, width, dtype=torch.bfloat16, device=device)
    keys[-length:] = torch.randn(length, width, device=device)
    offsets = torch.tensor([0, 3, events - length, events], device=device)
    query = torch.randn(3, width, device=device)
    with backend("native"):
        many = sim_search_soft(query.bfloat16(), keys, 9, offsets=offsets)
        few = sim_search_soft(
            query[2:].bfloat16(), keys[-length:], 9, offsets=offsets[2:] - offsets[2]
        )
    for one, other in zip(many, few, strict=True):
        assert torch.equal(one[2:], other)
    assert many[0][1].tolist() == list(range(9))


def test_hard_search_tells_places_beyond_32_bits(device: torch.device):
    events = room(device, 20) + 50
    category = torch.zeros(events, dtype=torch.int64, device=device)
    category[-7] = category[-2] = category[3] = 1
    offsets, target = torch.tensor([0, events]), torch.ones(1, dtype=torch.int64)
    with backend("native"):
        found = sim_search_hard(category, offsets.to(device), target.to(device), 2)
    assert found.tolist() == [[events - 2, events - 7]]


def test_memory_that_a_kernel_is_refused_is_told_from_other_errors(device: torch.device):
    keys = torch.zeros(1, 1, 4, device=device).expand(1, 1 << 50, 4)  # it makes a copy
    lengths = torch.ones(1, dtype=torch.int64, device=device)
    with backend("native"), pytest.raises(RuntimeError) as caught:
        sim_search_soft(torch.zeros(1, 4, device=device), keys, 1, lengths=lengths)
    assert ran_out(caught.value)
