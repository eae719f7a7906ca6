"""What a GPU can do: its name, its fastest multiplication and its fastest copy."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from benchmarks.clock import Clock, fastest

SIDE = 8192
"""Rows and columns of the matrices multiplied."""

COPIED_BYTES = 1 << 30
"""Size of what is copied: far beyond any cache."""


@dataclass(frozen=True)
class CardPeak:
    """What a GPU reaches.

    Attributes:
        gflops: 1e9 additions and multiplications in a second, in float32 matrix multiplication.
        copy_gbs: 1e9 bytes read or written in a second, in a copy within the GPU's memory.
        threads: None: the host's do not matter.
    """

    gflops: float
    copy_gbs: float
    threads: None = None


def measure_card(
    device: torch.device,
    clock: Clock,
    seconds: float = 1.0,
    side: int = SIDE,
    copied: int = COPIED_BYTES,
) -> CardPeak:
    """Measure the peak, the best of what `seconds` of each allow."""
    matrix = torch.randn(side, side, device=device)
    product = torch.empty_like(matrix)
    multiply = fastest(clock, lambda: torch.mm(matrix, matrix, out=product), seconds)
    data = torch.zeros(copied, dtype=torch.uint8, device=device)
    other = torch.empty_like(data)
    copy = fastest(clock, lambda: other.copy_(data), seconds)
    # What is copied is read and written.
    return CardPeak(2 * side**3 / multiply / 1e9, 2 * copied / copy / 1e9)


def higher_card(first: CardPeak, second: CardPeak) -> CardPeak:
    """Return the better of two measurements, for others may share the GPU."""
    return CardPeak(max(first.gflops, second.gflops), max(first.copy_gbs, second.copy_gbs))


def card_name(device: torch.device) -> str:
    """Return a GPU's name for a file's name."""
    return "-".join(re.findall(r"[a-z0-9]+", torch.cuda.get_device_name(device).lower()))
