"""What `recbench.ops.augru` is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from recbench.ops.dispatch import Case
from recbench.ops.timing import rows_to_time

BATCH, STEPS, INPUT, HIDDEN = 5, 6, 3, 4


def cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield small cases: edges of shape and length, every form, sizes about a tile."""

    def case(name: str, lengths: list[int], **options: Any) -> Case:
        return Case(name, arguments(lengths, device=device, dtype=dtype, **options))

    yield case("an empty batch", [])
    yield case("no steps", [0, 0], steps=0)
    yield case("a batch without history", [0, 0, 0])
    yield case("one row of one step", [1], steps=1)
    yield case("one unit and one input", [3, 6, 0, 1], inputs=1, hidden=1)
    for att_mode in ("paper", "reference", "agru"):
        for reset_after in (True, False):
            form = {"att_mode": att_mode, "reset_after": reset_after}
            where = "after" if reset_after else "before"
            yield case(f"{att_mode}, reset {where}", [6, 1, 0, 3, 6], **form)
            yield case(f"{att_mode}, reset {where}, 18 units", [2, 5], hidden=18, **form)
    yield case("no first state", [4, 6, 0], h0=False)
    yield case("a first state and no step", [0, 0], steps=0, inputs=2)
    yield case("36 units, 20 inputs", [6, 2, 3, 0], inputs=20, hidden=36)
    lengths = [n % 10 for n in range(61)]
    yield case("more rows than a tile", lengths, steps=9, inputs=9, hidden=17)
    yield case("a long row among short ones", [1] * 30 + [40], steps=40)
    yield case("more tiles than partial sums", [2] * 24 * 33 + [1], steps=2, inputs=1, hidden=2)
    transposed = arguments([6, 1, 0, 3, 6], device=device, dtype=dtype)
    for name, tensor in transposed.items():
        if name in ("x", "attention", "w_ih", "w_hh", "h0"):
            transposed[name] = tensor.transpose(0, -1).contiguous().transpose(0, -1)
        if name in ("b_ih", "b_hh", "lengths"):
            transposed[name] = tensor.repeat_interleave(2)[::2]
    yield Case("not contiguous", transposed)
    parts = arguments([6, 1, 0, 3, 6], device=device, dtype=dtype)
    for name, value in parts.items():
        if isinstance(value, torch.Tensor):
            parts[name] = torch.cat([value[:2], value])[2:]
    yield Case("parts of larger tensors", parts)
    for name, garbage in (("NaN", torch.nan), ("infinity", torch.inf)):
        spoilt = arguments([6, 1, 0, 3, 6], device=device, dtype=dtype)
        for row, length in enumerate(spoilt["lengths"].tolist()):
            spoilt["x"][row, length:] = garbage
            spoilt["attention"][row, length:] = garbage
        yield Case(f"{name} at padding", spoilt)


def benchmarks(device: torch.device) -> Iterator[Case]:
    """Yield the sizes of DIEN in float32, with full and with random lengths."""
    for rows, steps, width in ((256, 100, 64), (256, 50, 36), (1024, 50, 32)):
        batch = rows_to_time(device, rows)
        generator = torch.Generator().manual_seed(0)
        random = torch.randint(0, steps + 1, (batch,), generator=generator).tolist()
        for name, lengths in (("full", [steps] * batch), ("random", random)):
            yield Case(
                f"B{batch} T{steps} H{width} {name}",
                arguments(
                    lengths, steps=steps, inputs=width, hidden=width, h0=False,
                    device=device, dtype=torch.float32,
                ),
            )  # fmt: skip


def arguments(
    lengths: list[int],
    *,
    device: torch.device,
    dtype: torch.dtype,
    steps: int = STEPS,
    inputs: int = INPUT,
    hidden: int = HIDDEN,
    h0: bool = True,
    att_mode: str = "paper",
    reset_after: bool = True,
) -> dict[str, Any]:
    """Return random arguments of `augru`, the same for the same shapes."""
    generator = torch.Generator().manual_seed(0)
    batch = len(lengths)

    def draw(*shape: int, scale: float = 1.0) -> torch.Tensor:
        values = torch.randn(shape, generator=generator, dtype=torch.float64) * scale
        return values.to(device, dtype)

    bound = hidden**-0.5
    return {
        "x": draw(batch, steps, inputs),
        "attention": draw(batch, steps).sigmoid(),
        "lengths": torch.tensor(lengths, dtype=torch.int64, device=device),
        "w_ih": draw(3 * hidden, inputs, scale=bound),
        "w_hh": draw(3 * hidden, hidden, scale=bound),
        "b_ih": draw(3 * hidden, scale=bound),
        "b_hh": draw(3 * hidden, scale=bound),
        "h0": draw(batch, hidden) if h0 else None,
        "att_mode": att_mode,
        "reset_after": reset_after,
    }
