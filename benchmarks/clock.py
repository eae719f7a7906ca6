"""How long a run takes, by the clock of the device that it runs on."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

import torch

SHORT = 0.02
"""Seconds below which a run on the CPU needs warm caches to be judged."""

FLUSHED = 256 << 20
"""Bytes written before a run on a GPU, at least twice its cache of the second level."""


class Clock(Protocol):
    """Times runs, and tells what they need of the device's memory."""

    def seconds(self, run: Callable[[], object], last: float | None) -> float:
        """Run and return the seconds that it took; `last` is what the run before took, if any."""

    def memory(self, run: Callable[[], object]) -> int | None:
        """Run and return the most bytes it held at a time; None where nobody counts them."""


class HostClock:
    """The clock of the CPU.

    A short run comes after one that is not counted: what the contender before it left in the
    caches would weigh too much.
    """

    def seconds(self, run: Callable[[], object], last: float | None) -> float:
        """Run once, or twice if that is short, and return what the last one took."""
        if last is None or last < SHORT:
            run()
        start = perf_counter()
        run()
        return perf_counter() - start

    def memory(self, run: Callable[[], object]) -> None:
        """Return None: torch does not count what it takes on the CPU."""


class CardClock:
    """The clock of a GPU: events in the stream that the run is queued in.

    A clock of the host would add the wait for the GPU to every run, which is as long as a short
    kernel. Before each run the GPU's cache is overwritten, so that all find it alike, and what they
    read in memory. While the GPU does that the host queues the run: its first launches are not
    counted, but those the GPU has to wait for later are.
    """

    def __init__(self, device: torch.device) -> None:
        cache = torch.cuda.get_device_properties(device).L2_cache_size
        self._device = device
        self._flushed = torch.empty(max(FLUSHED, 2 * cache), dtype=torch.uint8, device=device)

    def seconds(self, run: Callable[[], object], last: float | None) -> float:
        """Flush the cache, run, and return the seconds between the two events around it."""
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self._flushed.zero_()
        start.record()
        run()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    def memory(self, run: Callable[[], object]) -> int:
        """Run and return the most bytes that torch had given out at a time, arguments left out."""
        torch.cuda.synchronize(self._device)
        before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        run()
        torch.cuda.synchronize(self._device)
        return torch.cuda.max_memory_allocated(self._device) - before


def clock_of(device: torch.device) -> Clock:
    """Return the clock of a device."""
    return CardClock(device) if device.type == "cuda" else HostClock()


def fastest(clock: Clock, call: Callable[[], object], seconds: float) -> float:
    """Return the seconds of the fastest of the calls that fit in `seconds`, at least one."""
    call()
    best, end = clock.seconds(call, None), perf_counter() + seconds
    while perf_counter() < end:
        best = min(best, clock.seconds(call, best))
    return best
