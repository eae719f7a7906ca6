"""The hard search of SIM's general search unit: the latest events of the target's category.

Pi et al., "Search-based User Interest Modeling with Lifelong Sequential Behavior Data for
Click-Through Rate Prediction", CIKM 2020, section 3.2. It returns positions in each row's history,
counted from its oldest event, and has no gradient.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops import native
from recbench.ops.category_index import random_log
from recbench.ops.category_index import reference as reference_index
from recbench.ops.checks import check_int64, check_shape
from recbench.ops.dispatch import Case, Operator, runs_native
from recbench.ops.ragged import event_rows
from recbench.ops.timing import rows_to_time


def reference(
    category: Tensor,
    offsets: Tensor,
    target: Tensor,
    k: int,
    *,
    rows: Tensor | None = None,
    index: Tensor | None = None,
) -> Tensor:
    """Define `sim_search_hard`."""
    if rows is None and index is None:
        return _reference_scan(category, offsets, target, k)
    if rows is None:
        rows = torch.arange(len(target), device=target.device)
    if index is None:
        index = reference_index(category, offsets)
    return _reference_lookup(category, offsets, target, k, rows, index)


def _reference_scan(category: Tensor, offsets: Tensor, target: Tensor, k: int) -> Tensor:
    rows = event_rows(offsets, len(category))
    match = category == target[rows]
    met = F.pad(match.cumsum(0), (1, 0))
    later = met[offsets[1:]][rows] - met[1:]
    position = torch.arange(len(category), device=category.device) - offsets[rows]
    # A column more takes what is left out: shapes then depend on no value.
    table = position.new_full((len(target), k + 1), -1)
    table[rows, later.where(match, k).clamp(max=k)] = position
    return table[:, :k]


def _reference_lookup(
    category: Tensor, offsets: Tensor, target: Tensor, k: int, rows: Tensor, index: Tensor
) -> Tensor:
    start, stop = offsets[rows], offsets[rows + 1]
    # One event more, which is never met, so that a place at the very end can be looked at.
    category, index = F.pad(category, (0, 1)), F.pad(index, (0, 1))
    # Binary search, all rows at once, for the place after the last event of the target's category.
    low, high = start, stop
    for _ in range(len(category).bit_length()):
        middle = (low + high) // 2
        left = (low < high) & (category[index[middle]] > target)
        right = (low < high) & ~left
        low, high = (middle + 1).where(right, low), middle.where(left, high)
    place = low[:, None] - 1 - torch.arange(k, device=target.device)
    event = index[place.clamp(min=0)]
    found = (place >= start[:, None]) & (category[event] == target[:, None])
    return (event - start[:, None]).masked_fill(~found, -1)


def sim_search_hard(
    category: Tensor,
    offsets: Tensor,
    target: Tensor,
    k: int,
    *,
    rows: Tensor | None = None,
    index: Tensor | None = None,
) -> Tensor:
    """Find the k most recent events of each history in the target's category.

    Without an index the history is read backwards until k are found; with one it is found by
    binary search in O(log T + k), however long it is. Models fed by a loader need none: it hands
    them only the events that they read, found by the data plane's own index.

    Args:
        category: Category of each event, oldest first, jagged, [N] of int64.
        offsets: Row boundaries, [B + 1] of int64.
        target: Category of each target, [M] of int64.
        k: How many to find, at least 1.
        rows: Which row's history each target searches, [M] of int64; if None, M is B and each
            searches its own.
        index: What `category_index` made of `category` and `offsets`, [N] of int64.

    Returns:
        Positions in each target's history, most recent first, [M, k] of int64, -1 where there are
        fewer than k.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device; the native kernel also
            refuses offsets and rows out of range and another log's index.
        RuntimeError: On a GPU, at a later call of torch, in place of the errors for values.
    """
    _check(category, offsets, target, k, rows, index)
    if not runs_native("sim_search_hard", [category]):
        return reference(category, offsets, target, k, rows=rows, index=index)
    none = target.new_empty(0)
    found: Tensor = torch.ops.recbench.sim_search_hard(
        category,
        offsets,
        target,
        none if rows is None else rows,
        none if index is None else index,
        k,
    )
    return found


def _check(
    category: Tensor,
    offsets: Tensor,
    target: Tensor,
    k: int,
    rows: Tensor | None,
    index: Tensor | None,
) -> None:
    check_shape("category", category, ("N",))
    check_shape("target", target, ("M",))
    check_shape("offsets", offsets, ("B + 1" if rows is not None else len(target) + 1,))
    tensors = {"category": category, "offsets": offsets, "target": target}
    if rows is not None:
        check_shape("rows", rows, (len(target),))
        tensors["rows"] = rows
    if index is not None:
        check_shape("index", index, (len(category),))
        tensors["index"] = index
    for name, tensor in tensors.items():
        check_int64(name, tensor, category.device)
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")


if native.LOADED:

    @torch.library.register_fake("recbench::sim_search_hard")  # type: ignore[untyped-decorator]
    def _fake(
        category: Tensor, offsets: Tensor, target: Tensor, rows: Tensor, index: Tensor, k: int
    ) -> Tensor:
        return target.new_empty(target.shape[0], k)


def make_case(
    name: str,
    lengths: list[int],
    k: int,
    *,
    categories: int = 5,
    indexed: bool = False,
    shared: int | None = None,
    device: torch.device,
) -> Case:
    """Return a case of made-up histories of given lengths.

    Args:
        name: What is particular about it.
        lengths: Number of events of each row.
        k: How many to find.
        categories: How many categories there are.
        indexed: Whether an index is given.
        shared: Number of targets, each of a random row; None for one of each row.
        device: Where the tensors are.
    """
    category, offsets = random_log(lengths, categories, device)
    random = torch.Generator().manual_seed(1)
    targets = len(lengths) if shared is None else shared
    target = torch.randint(-2, categories - 1, (targets,), generator=random).to(device)
    arguments = {"category": category, "offsets": offsets, "target": target, "k": k}
    if shared is not None:
        arguments["rows"] = torch.randint(len(lengths), (shared,), generator=random).to(device)
    if indexed:
        arguments["index"] = reference_index(category, offsets)
    return Case(f"{'index' if indexed else 'scan'}: {name}", arguments)


def cases(device: torch.device, dtype: torch.dtype) -> Iterator[Case]:
    """Yield small searches, with and without an index; the dtype has no bearing on them."""
    mixed = [5, 0, 1, 20, 20, 13]
    for indexed in (False, True):
        for name, lengths, k, shared in (
            ("no row", [], 2, None),
            ("no event", [0, 0], 2, None),
            ("rows of all lengths", mixed, 3, None),
            ("k above every length", mixed, 25, None),
            ("k of one", mixed, 1, None),
            ("targets share rows", mixed, 3, 40),
            ("no target", mixed, 3, 0),
            ("many rows", [n % 40 for n in range(150)], 4, None),
            ("long rows", [1000, 95, 96, 97, 3000], 150, None),
        ):
            yield make_case(name, lengths, k, indexed=indexed, shared=shared, device=device)
        case = make_case("not contiguous", [50, 7], 4, indexed=indexed, shared=9, device=device)
        yield Case(case.name, {name: _apart(value) for name, value in case.arguments.items()})


def _apart(value: Tensor | int) -> Tensor | int:
    """Return the same value with a tensor's elements apart in memory."""
    return torch.stack([value, value - 1], 1)[:, 0] if isinstance(value, Tensor) else value


def benchmarks(device: torch.device) -> Iterator[Case]:
    """Yield histories of 100 categories, where k are just met, and of 20, where they are soon."""
    rows = rows_to_time(device, 256)
    random = torch.Generator().manual_seed(0)
    parts = torch.randint(1, 10_001, (rows,), generator=random).tolist()
    for indexed in (False, True):
        for name, lengths, categories in (
            ("T1000, full", [1000] * rows, 100),
            ("T10000, full", [10_000] * rows, 100),
            ("T10000, random lengths", parts, 100),
            ("T10000 of 20 categories, full", [10_000] * rows, 20),
        ):
            yield make_case(
                f"B{rows} {name}, k100", lengths, 100,
                categories=categories, indexed=indexed, device=device,
            )  # fmt: skip


OP = Operator(
    "sim_search_hard", sim_search_hard, reference, cases, benchmarks, differentiable=False
)
