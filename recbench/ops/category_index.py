"""An index of jagged histories by category, for `sim_search_hard`.

With two levels, row and category, this is the user behaviour tree of SIM's hard search (Pi et al.,
CIKM 2020, section 3.2) in one flat array. The data plane keeps the same index, made by the same
code, of a prepared log on disk (`recbench.data.gather.category_index`), and a loader's histories
are already cut by it. This one is for histories held as tensors, where many targets meet each.
On a GPU the reference is what runs: its two sorts are torch's radix sorts, and a kernel would be
those again.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recbench.ops import native
from recbench.ops.checks import check_int64, check_shape
from recbench.ops.dispatch import Case, Operator, runs_native
from recbench.ops.ragged import event_rows
from recbench.ops.timing import rows_to_time


def reference(category: Tensor, offsets: Tensor) -> Tensor:
    """Define `category_index`."""
    # Both sorts are stable: by category, then by row, keeps the order of time within both.
    by_category = category.argsort(stable=True)
    rows = event_rows(offsets, len(category))
    return by_category[rows[by_category].argsort(stable=True)]


def category_index(category: Tensor, offsets: Tensor) -> Tensor:
    """Return each row's positions ordered by (category, position).

    Args:
        category: Category of each event, oldest first, jagged, [N] of int64.
        offsets: Row boundaries, [B + 1] of int64.

    Returns:
        A permutation of all positions in `category`, [N] of int64, in which a row's events stay
        together.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device; the native kernel also
            refuses offsets that do not ascend from 0 to N.
    """
    check_shape("category", category, ("N",))
    check_shape("offsets", offsets, ("B + 1",))
    check_int64("category", category, category.device)
    check_int64("offsets", offsets, category.device)
    if not runs_native("category_index", [category]):
        return reference(category, offsets)
    index: Tensor = torch.ops.recbench.category_index(category, offsets)
    return index


if native.LOADED:

    @torch.library.register_fake("recbench::category_index")  # type: ignore[untyped-decorator]
    def _fake(category: Tensor, offsets: Tensor) -> Tensor:
        return torch.empty_like(category, memory_format=torch.contiguous_format)


def random_log(lengths: list[int], categories: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return categories, some of them negative, and offsets of made-up histories."""
    random = torch.Generator().manual_seed(0)
    category = torch.randint(-2, categories - 2, (sum(lengths),), generator=random)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    return category.to(device), offsets.to(device)


def cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield logs to index; the dtype has no bearing on them."""
    lengths = {
        "no row": [],
        "no event": [0, 0],
        "rows of all lengths": [0, 1, 2, 40, 0, 7],
        "many rows": [n % 5 for n in range(70)],
        "long row": [3000],
    }
    for name, rows in lengths.items():
        category, offsets = random_log(rows, 7, device)
        yield Case(name, {"category": category, "offsets": offsets})
    category, offsets = random_log([20, 30], 7, device)
    apart = torch.stack([category, category - 1], 1)[:, 0]
    yield Case("not contiguous", {"category": apart, "offsets": offsets})
    far = category * (2**60)
    yield Case("categories beyond 32 bits", {"category": far, "offsets": offsets})


def benchmarks(device: torch.device) -> Iterator[Case]:
    """Yield the log of 256 histories of 10,000 events."""
    rows = rows_to_time(device, 256)
    category, offsets = random_log([10_000] * rows, 100, device)
    yield Case(f"B{rows} T10000", {"category": category, "offsets": offsets})


OP = Operator("category_index", category_index, reference, cases, benchmarks, differentiable=False)
