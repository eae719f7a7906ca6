"""What `din_attention` is tried and measured on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor

from recbench.ops.dispatch import Case
from recbench.ops.timing import rows_to_time

LOW_PRECISION = (torch.bfloat16, torch.float16)


def cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield cases on `device` in `dtype`; those named "small ..." suit finite differences."""
    make = _Maker(device, dtype)
    yield Case("empty batch", make([], steps=5))
    yield Case("no steps", make([0, 0, 0], steps=0))
    yield Case("no events", make([0, 0, 0], steps=4, normalize="softmax"))
    yield Case("one event", make([1, 1], steps=1, width=1, hidden=(1, 1)))
    for activation, normalize in product(("sigmoid", "relu", "prelu"), ("none", "softmax")):
        name = f"small {activation} {normalize}"
        yield Case(name, make([3, 0, 1, 2], activation=activation, normalize=normalize, scale=0.7))
    for width, hidden in ((1, (18, 36)), (18, (5, 1)), (36, (80, 40)), (24, (9, 17))):
        yield Case(f"width {width} {hidden}", make([7, 0, 13], width=width, hidden=hidden))
    for width, hidden in ((0, (6, 4)), (3, (0, 4)), (3, (6, 0))):
        yield Case(f"empty width {width} {hidden}", make([2, 0, 3], width=width, hidden=hidden))
    long = [0, 1, 5, 6, 7, 47, 49, 128, 129, 300]
    for activation, normalize in (("sigmoid", "softmax"), ("prelu", "none"), ("relu", "softmax")):
        name = f"longer than a block, {activation} {normalize}"
        yield Case(name, make(long, width=8, activation=activation, normalize=normalize))
    many = torch.randint(0, 6, (150,), generator=torch.Generator().manual_seed(0)).tolist()
    yield Case("batch beyond a chunk", make(many, width=6, hidden=(10, 4), activation="prelu"))
    for filling in (torch.nan, torch.inf):
        yield Case(f"{filling} at padding", make([2, 0, 5, 4], steps=6, padding=filling))
    yield Case("not contiguous", _strided(make([3, 5, 0, 2], steps=5, activation="prelu")))
    wild = make([9, 4, 1], normalize="softmax", width=8)
    wild["w3"] = wild["w3"] * (1e3 if dtype in LOW_PRECISION else 1e30)
    wild["scale"] = 1.0 if dtype in LOW_PRECISION else 1e3
    yield Case("extreme scores", wild)


def benchmarks(device: torch.device) -> Iterator[Case]:
    """Yield the shapes that speed is measured on, full and with random lengths."""
    make = _Maker(device, torch.float32)
    batch = rows_to_time(device, 1024)
    for steps, width, activation in ((100, 64, "sigmoid"), (50, 32, "prelu")):
        generator = torch.Generator().manual_seed(0)
        random = torch.randint(0, steps + 1, (batch,), generator=generator).tolist()
        for name, lengths in (("full", [steps] * batch), ("random lengths", random)):
            arguments = make(
                lengths, steps=steps, width=width, hidden=(80, 40), activation=activation
            )
            yield Case(f"B{batch} T{steps} D{width} 80/40 {activation}, {name}", arguments)


def dice_cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield cases of Dice, which the native kernel computes without gradients."""
    make = _Maker(device, dtype)
    for normalize in ("none", "softmax"):
        arguments = make([3, 0, 1, 7], width=5, hidden=(9, 17), activation="dice")
        yield Case(f"dice {normalize}", arguments | {"normalize": normalize})


class _Maker:
    """Makes arguments from lengths, with its own random numbers."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype

    def __call__(
        self,
        lengths: Iterable[int],
        *,
        steps: int | None = None,
        width: int = 3,
        hidden: tuple[int, int] = (6, 4),
        activation: str = "sigmoid",
        normalize: str = "none",
        scale: float = 1.0,
        padding: float = 0.0,
    ) -> dict[str, Any]:
        counts = torch.tensor(list(lengths), dtype=torch.int64)
        batch, steps = len(counts), int(counts.max()) if steps is None else steps
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int, fan_in: int = 1) -> Tensor:
            values = torch.randn(shape, generator=generator, dtype=torch.float64)
            # Rounded, so that all dtypes see the same values.
            rounded: Tensor = (values / math.sqrt(max(fan_in, 1))).bfloat16()
            return rounded.to(self.device, self.dtype)

        first, second = hidden
        keys = normal(batch, steps, width)
        keys[(torch.arange(steps) >= counts[:, None]).to(self.device)] = padding
        arguments: dict[str, Any] = {
            "query": normal(batch, width),
            "keys": keys,
            "lengths": counts.to(self.device),
            "w1": normal(first, 4 * width, fan_in=4 * width),
            "b1": normal(first),
            "w2": normal(second, first, fan_in=first),
            "b2": normal(second),
            "w3": normal(second, fan_in=second),
            "b3": normal(1),
            "activation": activation,
            "normalize": normalize,
            "scale": scale,
        }
        if activation in ("prelu", "dice"):
            arguments |= {"slope1": normal(first), "slope2": normal(second)}
        if activation == "dice":
            gates = normal(2, first), normal(2, second)
            arguments |= {"gate1": gates[0], "gate2": gates[1]}
        return arguments


def _strided(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the same values, every tensor that has two elements a row spread in memory."""

    def spread(value: Any) -> Any:
        if isinstance(value, Tensor) and value.numel() > 1:
            return value.repeat_interleave(2, -1)[..., ::2]
        return value

    return {name: spread(value) for name, value in arguments.items()}
