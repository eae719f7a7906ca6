"""The floors' two rates, and the name of what reaches them: a CPU or a GPU."""

from __future__ import annotations

import torch

from benchmarks.card import CardPeak, card_name, higher_card, measure_card
from benchmarks.clock import clock_of
from benchmarks.machine import Peak, higher, machine_name, measure_peak
from benchmarks.ops.plan import Plan


def measure_peaks(plan: Plan) -> list[Peak | CardPeak]:
    """Measure what the CPU reaches with each number of threads, or what the GPU does."""
    if plan.device.type == "cpu":
        return [measure_peak(count) for count in plan.threads]
    return [measure_card(plan.device, clock_of(plan.device))]


def higher_peaks(
    first: list[Peak | CardPeak], second: list[Peak | CardPeak]
) -> list[Peak | CardPeak]:
    """Return the better of two measurements of each peak."""
    better: list[Peak | CardPeak] = []
    for one, other in zip(first, second, strict=True):
        if isinstance(one, Peak) and isinstance(other, Peak):
            better.append(higher(one, other))
        elif isinstance(one, CardPeak) and isinstance(other, CardPeak):
            better.append(higher_card(one, other))
        else:
            raise TypeError(f"{one} and {other} are not peaks of one device")
    return better


def name_of(device: torch.device) -> str:
    """Return the name of the processor or the GPU for a file's name."""
    return machine_name() if device.type == "cpu" else card_name(device)
