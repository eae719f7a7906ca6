"""What follows from the results of the benchmark, as its file holds them."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.peer import OURS, PEERS, fused

Results = dict[str, Any]
Row = dict[str, Any]

LIBRARIES = tuple(peer.name for peer in PEERS)


def median(row: Row, name: str, kind: str) -> float | None:
    """Return a contender's median in seconds, None if it was not measured."""
    timing = row["timings"].get(name)
    return timing[kind]["median"] if timing else None


def best(row: Row, kind: str, *, with_fused: bool = False) -> tuple[str, float] | None:
    """Return the fastest library and its median, with Adam as it comes or fused; None without."""
    times = {
        library: time
        for library in LIBRARIES
        if (time := median(row, fused(library) if with_fused else library, kind)) is not None
    }
    return min(times.items(), key=lambda pair: pair[1]) if times else None


def ratio(row: Row, kind: str, *, with_fused: bool = False) -> float | None:
    """Return how many times as long as ours the fastest library takes."""
    ours, peer = median(row, OURS, kind), best(row, kind, with_fused=with_fused)
    return peer[1] / ours if ours and peer else None


def least_memory(row: Row) -> int | None:
    """Return the least memory that a library's process has needed as it comes, in bytes."""
    return min((row["memory"][name] for name in LIBRARIES if name in row["memory"]), default=None)
