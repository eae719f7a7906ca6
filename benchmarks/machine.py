"""What the machine can do: its name, its fastest multiplication and its fastest reading."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from benchmarks.clock import HostClock, fastest
from recbench.provenance import environment

SIDE = 1024
"""Rows and columns of the matrices multiplied."""

READ_BYTES = 512 << 20
"""Size of what is read: far beyond any cache."""


@dataclass(frozen=True)
class Peak:
    """What the machine reaches with a number of threads.

    Attributes:
        threads: How many.
        gflops: 1e9 additions and multiplications in a second, in float32 matrix multiplication.
        read_gbs: 1e9 bytes read from memory in a second.
    """

    threads: int
    gflops: float
    read_gbs: float


def measure_peak(threads: int, seconds: float = 1.0) -> Peak:
    """Measure the peak, the best of what `seconds` of each allow."""
    torch.set_num_threads(threads)
    matrix = torch.randn(SIDE, SIDE)
    product = torch.empty_like(matrix)
    multiply = fastest(HostClock(), lambda: torch.mm(matrix, matrix, out=product), seconds)
    data = torch.ones(READ_BYTES // 8, dtype=torch.int64)
    # A sum and a maximum read alike; which of them keeps up with memory depends on the machine.
    read = min(fastest(HostClock(), data.sum, seconds), fastest(HostClock(), data.max, seconds))
    return Peak(threads, 2 * SIDE**3 / multiply / 1e9, READ_BYTES / read / 1e9)


def higher(first: Peak, second: Peak) -> Peak:
    """Return the better of two measurements of the same peak, for others may share the machine."""
    return Peak(
        first.threads,
        max(first.gflops, second.gflops),
        max(first.read_gbs, second.read_gbs),
    )


def machine_name() -> str:
    """Return the processor's name and instruction set for a file's name."""
    instructions = torch.backends.cpu.get_cpu_capability()
    words = re.findall(r"[a-z0-9]+", f"{environment('cpu').cpu} {instructions}".lower())
    return "-".join(word for word in words if word not in ("r", "tm", "processor", "cpu"))
