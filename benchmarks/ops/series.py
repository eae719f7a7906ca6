"""The runs of one contender, and what they took."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles

from benchmarks.clock import Clock
from benchmarks.ops.contender import Call


@dataclass(frozen=True)
class Timing:
    """Seconds of a call: median and quartiles over all rounds."""

    median: float
    quartiles: tuple[float, float]
    rounds: int


class Series:
    """Runs a contender and keeps how long it took, by the contender's own clock if it has one."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._seconds: list[float] = []

    def __call__(self) -> None:
        """Run once more."""
        last = self._seconds[-1] if self._seconds else None
        seconds = self._clock.seconds(self._call.run, last)
        own = self._call.seconds
        self._seconds.append(seconds if own is None else own[-1])

    def timing(self) -> Timing:
        """Return what was measured, but for the first run."""
        first, middle, third = quantiles(self._seconds[1:], n=4, method="inclusive")
        return Timing(middle, (first, third), len(self._seconds) - 1)
