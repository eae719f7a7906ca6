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


def peak_of(results: Results, threads: int | None) -> dict[str, float]:
    """Return what the machine reaches with a number of threads, or the GPU, where it is None."""
    peaks: list[dict[str, float]] = results["peaks"]
    return next(peak for peak in peaks if peak["threads"] == threads)


def floor(results: Results, row: Row) -> float:
    """Return the seconds that the machine's peak allows: the slower of computing and moving."""
    peak = peak_of(results, row["threads"])
    computing, moving = row["flops"] / peak["gflops"], row["bytes"] / _bandwidth(peak)
    return float(max(computing, moving)) / 1e9


def megabytes(row: Row, contender: str) -> str:
    """Return the most memory that a contender held on a GPU, in MB; empty where it is not known."""
    held = row.get("memory", {}).get(contender)
    return "" if held is None else f"{held / 1e6:,.0f}"


def share(results: Results, row: Row) -> float | None:
    """Return what share of the native kernel's time its floor is, None if it was not measured."""
    native = median(row, "native")
    return floor(results, row) / native if native else None


def _bandwidth(peak: dict[str, float]) -> float:
    """Return 1e9 bytes a second: those a CPU reads, those a GPU reads or writes in a copy."""
    return peak["read_gbs"] if "read_gbs" in peak else peak["copy_gbs"]
