"""What follows from the results of a benchmark, as its file holds them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

Results = dict[str, Any]
Row = dict[str, Any]


def by_operator(results: Results) -> Iterator[tuple[str, list[Row]]]:
    """Yield each operator with its measurements."""
    for operator, rows in groupby(results["measurements"], key=lambda row: row["operator"]):
        yield operator, list(rows)


def contenders(rows: list[Row]) -> list[str]:
    """Return all contenders that were measured or absent, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in (*row["timings"], *row["absent"])))


def absent(rows: list[Row]) -> list[tuple[str, str]]:
    """Return which contenders were not measured, and why, each reason once."""
    return list(dict.fromkeys(pair for row in rows for pair in row["absent"].items()))


def median(row: Row, contender: str) -> float | None:
    """Return a contender's median in seconds, None if it was not measured."""
    timing = row["timings"].get(contender)
    return timing["median"] if timing else None


def ratio(row: Row, contender: str) -> float | None:
    """Return how many times as long as the native kernel a contender takes."""
    time, native = median(row, contender), median(row, "native")
    return time / native if time and native else None


def peak_of(results: Results, threads: int) -> dict[str, float]:
    """Return what the machine reaches with a number of threads; see `machine.Peak`."""
    peaks: list[dict[str, float]] = results["peaks"]
    return next(peak for peak in peaks if peak["threads"] == threads)


def floor(results: Results, row: Row) -> float:
    """Return the seconds that the machine's peak allows: the slower of computing and moving."""
    peak = peak_of(results, row["threads"])
    computing, moving = row["flops"] / peak["gflops"], row["bytes"] / peak["read_gbs"]
    return float(max(computing, moving)) / 1e9
