"""Measures one case: training steps and inference of all contenders, in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Protocol

from benchmarks.peers.case import Case
from benchmarks.peers.peer import entries
from benchmarks.peers.process import Process, UnavailableError

KINDS = ("training", "inference")

TURN = 0.3
"""Seconds of a turn, about: many short steps, or one long one."""

ROUNDS = 3
"""Turns that each contender gets at least."""


@dataclass(frozen=True)
class Timing:
    """Seconds of a step: median and quartiles over all turns."""

    median: float
    quartiles: tuple[float, float]
    steps: int


@dataclass
class Measurement:
    """What was measured of one case.

    Attributes:
        case: Its name.
        threads: How many were used.
        timings: By contender, of "training" and of "inference".
        memory: The most memory a contender's process has had resident, in bytes.
        about: Of each contender: version, number of parameters, loss before training.
        absent: Why a contender was not measured.
    """

    case: str
    threads: int
    timings: dict[str, dict[str, Timing]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    about: dict[str, dict[str, object]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


class Runs(Protocol):
    """What `alternate` needs of a process."""

    def run(self, kind: str, steps: int) -> list[float]:
        """Run steps and return the seconds of each."""


def measure(case: Case, threads: int, seconds: float, folder: Path) -> Measurement:
    """Measure a case.

    Args:
        case: What.
        threads: How many each contender uses.
        seconds: How long for each contender and kind, about.
        folder: Where the peers' virtual environments are.
    """
    result = Measurement(case.name, threads)
    processes: dict[str, Process] = {}
    try:
        for entry in entries(case, folder):
            adam = "fused" if entry.fused else "plain"
            command = (entry.python, "-m", entry.driver, case.name, str(threads), adam)
            try:
                processes[entry.name] = Process(command, {"RECBENCH_OPS": entry.operators})
            except UnavailableError as reason:
                result.absent[entry.name] = str(reason)
        for name, process in processes.items():
            result.about[name] = process.about
            result.timings[name] = {}
        for kind in KINDS:
            for name, times in alternate(processes, kind, seconds).items():
                result.timings[name][kind] = timing(times)
        for name, process in processes.items():
            result.memory[name] = process.peak_memory()
    finally:
        for process in processes.values():
            process.close()
    return result


def alternate(processes: Mapping[str, Runs], kind: str, seconds: float) -> dict[str, list[float]]:
    """Give each contender its turn, again and again; return the seconds of every step.

    What slows the machine for a while slows all of them, so ratios of medians hold.
    """
    steps, times = {}, {}
    for name, process in processes.items():
        steps[name] = max(1, round(TURN / median(process.run(kind, ROUNDS))))
        times[name] = list[float]()
    start, rounds = perf_counter(), 0
    while rounds < ROUNDS or perf_counter() < start + seconds * len(processes):
        for name, process in processes.items():
            times[name] += process.run(kind, steps[name])
        rounds += 1
    return times


def timing(times: list[float]) -> Timing:
    """Return the median and quartiles of the seconds of two steps or more."""
    first, middle, third = quantiles(times, n=4, method="inclusive")
    return Timing(middle, (first, third), len(times))
