"""What `sim_search_soft` is tried on, and measured with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recbench.ops.dispatch import Case
from recbench.ops.ragged import length_mask
from recbench.ops.timing import rows_to_time


def make_case(
    name: str,
    lengths: list[int],
    k: int,
    *,
    layout: str,
    width: int = 8,
    queries: int | None = None,
    device: torch.device,
    dtype: torch.dtype,
    whole: bool = False,
) -> Case:
    """Return a case of made-up histories of given lengths.

    Args:
        name: What is particular about it.
        lengths: Number of events of each row.
        k: How many to find.
        layout: "dense", whose padding is NaN, "jagged" or "tables".
        width: D; fields of tables share it.
        queries: Q, or None for a query without that dimension.
        device: Where the tensors are.
        dtype: The type of query, keys and tables.
        whole: Whether all values are small whole numbers, whose sums are exact in every dtype and
            often equal.
    """
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        values = torch.randn(shape, generator=random)
        return (values.round() if whole else values).to(device, dtype)

    batch, events = len(lengths), sum(lengths)
    query = draw(batch, width) if queries is None else draw(batch, queries, width)
    arguments: dict[str, Any] = {"query": query, "k": k}
    if layout == "dense":
        keys = draw(batch, max(lengths, default=0), width)
        length = torch.tensor(lengths, dtype=torch.int64, device=device)
        keys[~length_mask(length, keys.shape[1])] = torch.nan
        return Case(f"{layout}: {name}", arguments | {"keys": keys, "lengths": length})
    arguments["offsets"] = torch.tensor([0, *lengths], device=device).cumsum(0)
    if layout == "jagged":
        arguments["keys"] = draw(events, width)
    else:
        widths, sizes = ((width + 1) // 2, width // 2), (30, 7)
        arguments["tables"] = [draw(*shape) for shape in zip(sizes, widths, strict=True)]
        ids = [torch.randint(size, (events,), generator=random) for size in sizes]
        arguments["keys"] = [field.to(device) for field in ids]
    return Case(f"{layout}: {name}", arguments)


def cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield small searches in every layout."""
    mixed = [5, 0, 1, 20, 20, 13]
    shapes: dict[str, dict[str, Any]] = {
        "no row": {"lengths": [], "k": 2},
        "no event": {"lengths": [0, 0], "k": 2},
        "rows of all lengths": {"lengths": mixed, "k": 4},
        "k above every length": {"lengths": mixed, "k": 25},
        "k of one": {"lengths": mixed, "k": 1},
        "one query a row": {"lengths": mixed, "k": 3, "queries": 1},
        "several queries a row": {"lengths": mixed, "k": 3, "queries": 5},
        "more queries than a block": {"lengths": [9, 150], "k": 7, "queries": 37},
        "no query": {"lengths": [3, 1], "k": 2, "queries": 0},
        "width of one": {"lengths": mixed, "k": 4, "width": 1},
        "width of 18": {"lengths": mixed, "k": 4, "width": 18},
        "width of 36": {"lengths": [70, 65, 64, 63], "k": 8, "width": 36},
        "many rows": {"lengths": [n % 40 for n in range(90)], "k": 5},
        "many tiles": {"lengths": [900, 0, 2000], "k": 10},
        "long rows": {"lengths": [6000, 100], "k": 10},
        "large k": {"lengths": [3000, 400], "k": 1030},
    }
    for layout in ("dense", "jagged", "tables"):
        for whole in (True, False):
            for name, shape in shapes.items():
                yield make_case(
                    f"{name}{', whole numbers' if whole else ''}",
                    layout=layout, device=device, dtype=dtype, whole=whole, **shape,
                )  # fmt: skip
    yield from _special_cases(device, dtype)


def _special_cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield searches of particular values and layouts in memory."""

    def scored(name: str, scores: Tensor, k: int) -> Case:
        """Return a case whose inner products are `scores` [B, T]."""
        arguments = {
            "query": torch.ones(len(scores), 1, dtype=dtype, device=device),
            "keys": scores[..., None].to(device, dtype),
            "lengths": torch.full((len(scores),), scores.shape[1], device=device),
        }
        return Case(name, arguments | {"k": k})

    steps = torch.arange(700.0)
    yield scored("all equal", torch.zeros(2, 700), 9)
    yield scored("two values", (steps % 2)[None], 400)
    yield scored("all negative", -1 - (steps * 37 % 101)[None], 12)
    yield scored("zeros of both signs", torch.where(steps % 3 > 0, 0.0, -0.0)[None], 50)
    yield scored("ascending", (steps // 4)[None], 5)
    yield scored("descending", (-steps // 4)[None], 5)
    infinite = torch.tensor([torch.nan, -torch.inf, 1, torch.inf, -2]).repeat(60)[None]
    yield scored("NaN and infinities", infinite, 200)
    yield scored("all NaN", torch.full((1, 300), torch.nan), 30)
    for layout in ("dense", "jagged", "tables"):
        case = make_case(
            f"{layout}: not contiguous", [12, 3, 0], 4, layout=layout, device=device, dtype=dtype
        )
        apart = {name: _apart(value) for name, value in case.arguments.items()}
        yield Case(case.name, apart)


def _apart(value: Any) -> Any:
    """Return the same value with its tensors' elements apart in memory."""
    if isinstance(value, list):
        return [_apart(tensor) for tensor in value]
    return torch.stack([value, value], -1)[..., 0] if isinstance(value, Tensor) else value


def benchmarks(device: torch.device) -> Iterator[Case]:
    """Yield long histories with a target each, full and of random lengths."""
    random = torch.Generator().manual_seed(0)
    for layout, steps, rows in (
        ("dense", 10_000, 256),
        ("jagged", 1000, rows_to_time(device, 256)),
        ("tables", 1000, rows_to_time(device, 256)),
    ):
        parts = torch.randint(1, steps + 1, (rows,), generator=random).tolist()
        for name, lengths in (("full", [steps] * rows), ("random lengths", parts)):
            yield make_case(
                f"B{rows} T{steps} D32 k100, {name}", lengths, 100,
                layout=layout, width=32, device=device, dtype=torch.float32,
            )  # fmt: skip
