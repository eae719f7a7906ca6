"""The soft search of SIM's general search unit: which k events of a history bear on the target.

Pi et al., "Search-based User Interest Modeling with Lifelong Sequential Behavior Data for
Click-Through Rate Prediction", CIKM 2020, section 3.2. It returns positions in each row's history,
counted from its oldest event, and has no gradient: what is found is gathered anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops import cuda, native
from recbench.ops.checks import check_floating, check_int64, check_shape
from recbench.ops.dispatch import Operator, runs_native
from recbench.ops.ragged import event_rows, length_mask
from recbench.ops.sim_search_soft_cases import benchmarks, cases

Keys = Tensor | Sequence[Tensor]

GPU_MOST_FOUND, GPU_MOST_FIELDS = 1024, 8
"""The largest k, and the most fields of ids, of the kernel for GPUs."""


@torch.no_grad()
def reference(
    query: Tensor,
    keys: Keys,
    k: int,
    *,
    offsets: Tensor | None = None,
    lengths: Tensor | None = None,
    tables: Sequence[Tensor] = (),
) -> tuple[Tensor, Tensor]:
    """Define `sim_search_soft`."""
    if not isinstance(keys, Tensor):
        rows = [table[ids] for table, ids in zip(tables, keys, strict=True)]
        keys = torch.cat(rows, 1)
    compute = _compute_dtype(keys)
    queries = (query if query.ndim == 3 else query[:, None]).to(compute)
    with torch.autocast(query.device.type, enabled=False):
        if offsets is not None:
            found = _reference_jagged(queries, keys.to(compute), offsets, k)
        else:
            assert lengths is not None  # noqa: S101 # the wrapper has checked
            found = _reference_dense(queries, keys.to(compute), lengths, k)
    indices, scores = found
    return (indices, scores) if query.ndim == 3 else (indices[:, 0], scores[:, 0])


def _reference_jagged(
    queries: Tensor, keys: Tensor, offsets: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    rows = event_rows(offsets, len(keys))
    scores = keys.new_empty(queries.shape[1], len(keys))
    for of_query, q in zip(scores, queries.unbind(1), strict=True):
        of_query.copy_((q[rows] * keys).sum(1))
    scores = _nan_lowest(scores)
    # Both sorts are stable: by score, then by row, leaves each row in order of score.
    by_score = scores.argsort(descending=True, stable=True)
    order = by_score.gather(1, rows[by_score].argsort(stable=True))
    start = offsets[rows]
    # A column more takes the ranks from k on: shapes then depend on no value.
    rank = (torch.arange(len(keys), device=keys.device) - start).clamp(max=k)
    shape = (len(offsets) - 1, queries.shape[1], k + 1)
    indices = order.new_full(shape, -1)
    indices[rows, :, rank] = (order - start).T
    best = scores.new_full(shape, -torch.inf)
    best[rows, :, rank] = scores.gather(1, order).T
    return indices[..., :k], best[..., :k]


def _reference_dense(
    queries: Tensor, keys: Tensor, lengths: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    steps = keys.shape[1]
    padding = ~length_mask(lengths, steps)[:, None]
    scores = _nan_lowest(torch.bmm(queries, keys.mT)).masked_fill(padding, -torch.inf)
    # Stable, and padding stands last in its row: at -inf it still comes after every real event.
    scores, indices = scores.sort(descending=True, stable=True)
    missing = (0, k - min(k, steps))
    scores = F.pad(scores[..., :k], missing, value=-torch.inf)
    indices = F.pad(indices[..., :k], missing)
    return indices.masked_fill(~length_mask(lengths, k)[:, None], -1), scores


def _nan_lowest(scores: Tensor) -> Tensor:
    return scores.masked_fill(scores.isnan(), -torch.inf)


def _compute_dtype(keys: Tensor) -> torch.dtype:
    return torch.float64 if keys.dtype == torch.float64 else torch.float32


@torch.no_grad()
def sim_search_soft(
    query: Tensor,
    keys: Keys,
    k: int,
    *,
    offsets: Tensor | None = None,
    lengths: Tensor | None = None,
    tables: Sequence[Tensor] = (),
) -> tuple[Tensor, Tensor]:
    """Find the k events of each history with the largest inner product with the target.

    Largest first; ties go to the earlier event; NaN counts as -inf. Padding is never found, not
    even where every real event scores -inf. Inner products are taken and compared in float32, of
    float64 keys in float64, under autocast too.

    Args:
        query: The target, [B, D]; or Q targets that share each history, [B, Q, D].
        keys: The events: jagged [N, D] with `offsets`; right-padded [B, T, D] with `lengths`; or
            ids of their F fields, each [N] of int64, with `offsets` and `tables`.
        k: How many to find, at least 1.
        offsets: Row boundaries of jagged keys, [B + 1] of int64.
        lengths: Number of real events in each row of padded keys, [B] of int64.
        tables: The vectors of each field's ids, F of [V, D_f], whose widths add up to D: an event
            is its vectors side by side, which are never written out.

    Returns:
        Positions in each row's history, [B, k] or [B, Q, k] of int64, -1 where it has fewer events
        than k; and their inner products, shaped alike, -inf there.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device, or not exactly one of
            `offsets` and `lengths` is given; the native kernel also refuses those out of
            range.
        IndexError: If an id names no vector of its table.
        RuntimeError: On a GPU, at a later call of torch, in place of the errors for values.
    """
    _check(query, keys, k, offsets, lengths, tables)
    stored = [keys] if isinstance(keys, Tensor) else list(tables)
    queries = query if query.ndim == 3 else query[:, None]
    if not runs_native("sim_search_soft", [query, *stored], _gpu_refusal(queries, stored, k)):
        return reference(query, keys, k, offsets=offsets, lengths=lengths, tables=tables)
    none = torch.empty(0, dtype=torch.int64, device=query.device)
    indices, scores = torch.ops.recbench.sim_search_soft(
        queries.to(_compute_dtype(stored[0])),
        [keys] if isinstance(keys, Tensor) else list(keys),
        list(tables),
        none if offsets is None else offsets,
        none if lengths is None else lengths,
        k,
    )
    return (indices, scores) if query.ndim == 3 else (indices[:, 0], scores[:, 0])


def _gpu_refusal(queries: Tensor, stored: list[Tensor], k: int) -> str:
    """Say why the kernel for GPUs cannot take a search of this size; empty elsewhere."""
    if queries.is_cuda and k > GPU_MOST_FOUND:
        return f"k of {k}, above {GPU_MOST_FOUND}"
    if queries.is_cuda and len(stored) > GPU_MOST_FIELDS:
        return f"{len(stored)} fields, more than {GPU_MOST_FIELDS}"
    batch, targets, width = queries.shape
    device, dtype = queries.device, stored[0].dtype
    return cuda.size_refusal("sim_search_soft", device, dtype, batch * targets, (width, k))


def _check(
    query: Tensor,
    keys: Keys,
    k: int,
    offsets: Tensor | None,
    lengths: Tensor | None,
    tables: Sequence[Tensor],
) -> None:
    check_shape("query", query, ("B", "Q", "D") if query.ndim == 3 else ("B", "D"))
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")
    if (offsets is None) == (lengths is None):
        given = "neither" if offsets is None else "both"
        raise ValueError(f"offsets, lengths: expected exactly one of them, got {given}")
    batch, width = len(query), query.shape[-1]
    if offsets is not None:
        check_shape("offsets", offsets, (batch + 1,))
        check_int64("offsets", offsets, query.device)
    if lengths is not None:
        check_shape("lengths", lengths, (batch,))
        check_int64("lengths", lengths, query.device)
    if not isinstance(keys, Tensor):
        _check_tables(query, keys, lengths, tables)
        return
    if len(tables):
        raise ValueError(f"tables: expected none beside keys that are vectors, got {len(tables)}")
    check_shape("keys", keys, ("N", width) if lengths is None else (batch, "T", width))
    check_floating({"query": query, "keys": keys})


def _check_tables(
    query: Tensor, ids: Sequence[Tensor], lengths: Tensor | None, tables: Sequence[Tensor]
) -> None:
    if lengths is not None:
        raise ValueError("lengths: expected offsets in their place for keys given by ids")
    if not len(ids) or len(ids) != len(tables):
        raise ValueError(f"tables: expected one for each of {len(ids)} fields, got {len(tables)}")
    for n, (field, table) in enumerate(zip(ids, tables, strict=True)):
        check_shape(f"keys[{n}]", field, (len(ids[0]) if n else "N",))
        check_int64(f"keys[{n}]", field, query.device)
        check_shape(f"tables[{n}]", table, ("V", "D"))
        check_floating({"tables[0]": tables[0], f"tables[{n}]": table})
        if table.dtype != tables[0].dtype:  # autocast excuses the query alone
            raise ValueError(f"tables[{n}]: expected {tables[0].dtype}, got {table.dtype}")
    check_floating({"query": query, "tables[0]": tables[0]})
    width = sum(table.shape[1] for table in tables)
    if width != query.shape[-1]:
        raise ValueError(f"tables: expected widths of {query.shape[-1]} in all, got {width}")


if native.LOADED:

    @torch.library.register_fake("recbench::sim_search_soft")  # type: ignore[untyped-decorator]
    def _fake(
        query: Tensor,
        keys: list[Tensor],
        tables: list[Tensor],
        offsets: Tensor,
        lengths: Tensor,
        k: int,
    ) -> tuple[Tensor, Tensor]:
        shape = (query.shape[0], query.shape[1], k)
        return query.new_empty(shape, dtype=torch.int64), query.new_empty(shape)


OP = Operator(
    "sim_search_soft", sim_search_soft, reference, cases, benchmarks, differentiable=False
)
