"""`python -m benchmarks.peers.markdown RESULTS PAGE...`: put the figures into pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import typer

from benchmarks.figures import machine_lines, milliseconds, place_figures
from benchmarks.peers.case import case_of
from benchmarks.peers.measurement import KINDS
from benchmarks.peers.peer import OURS, REFERENCES, fused
from benchmarks.peers.results import LIBRARIES, Results, Row, best, least_memory, median, ratio


def figures(results: Results) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from machine_lines(results)
    for threads in dict.fromkeys(row["threads"] for row in results["measurements"]):
        rows = [row for row in results["measurements"] if row["threads"] == threads]
        name = f"{threads} thread{'s' if threads > 1 else ''}"
        yield f"\nTraining step, ms, {name}\n"
        yield from _times(rows, "training")
        yield f"\nInference, ms a batch, {name}\n"
        yield from _times(rows, "inference")
        yield f"\nPeak memory, GB, {name}\n"
        yield from _table(["case", OURS, *LIBRARIES], (_memory(row) for row in rows))
        if operated := [row for row in rows if REFERENCES in row["timings"]]:
            yield f"\nOur models with kernels, and with the operators' references, {name}\n"
            yield from _table(
                ["case", "training", "references", "", "inference", "references", ""],
                map(_kernels, operated),
            )
        yield f"\nAims, {name}\n"
        yield from _aims(rows)
    yield ""


def _times(rows: list[Row], kind: str) -> Iterator[str]:
    headings = ["case", OURS, *LIBRARIES]
    return _table(headings, (_line(row, kind) for row in rows))


def _line(row: Row, kind: str) -> list[str]:
    ours = median(row, OURS, kind)
    cells = [case_of(row["case"]).title, milliseconds(ours) if ours else ""]
    for library in LIBRARIES:
        times = [median(row, library, kind)]
        if kind == "training":
            times.append(median(row, fused(library), kind))
        shown = [milliseconds(time) for time in times if time is not None]
        cells.append(" / ".join(shown))
    return cells


def _kernels(row: Row) -> list[str]:
    cells = [case_of(row["case"]).title]
    for kind in KINDS:
        native, reference = (row["timings"][name][kind]["median"] for name in (OURS, REFERENCES))
        examples = case_of(row["case"]).batch
        speeds = (f"{examples / seconds:,.0f}/s" for seconds in (native, reference))
        cells += [*speeds, f"{reference / native:.2f}x"]
    return cells


def _memory(row: Row) -> list[str]:
    sizes = (row["memory"].get(name) for name in (OURS, *LIBRARIES))
    return [case_of(row["case"]).title, *(f"{size / 1e9:.2f}" if size else "" for size in sizes)]


def _aims(rows: list[Row]) -> Iterator[str]:
    headings = ["case", "best peer", "training", "fused Adam", "inference", "memory"]
    return _table(headings, (_aim(row) for row in rows))


def _aim(row: Row) -> list[str]:
    case = case_of(row["case"])
    peer, least, own = best(row, "training"), least_memory(row), row["memory"].get(OURS)
    return [
        case.title,
        peer[0] if peer else "",
        _against(ratio(row, "training"), case.aim),
        _against(ratio(row, "training", with_fused=True), case.fused_aim),
        _against(ratio(row, "inference"), 1),
        _against(least / own if least and own else None, 1),
    ]


def _against(reached: float | None, aim: float | None) -> str:
    """Return what was reached, in bold if it is less than the aim, and the aim."""
    if reached is None:
        return ""
    shown = f"{reached:.2f}x" if reached < 10 else f"{reached:.1f}x"
    if aim is None:
        return shown
    return f"{shown} ({aim:g}x)" if reached >= aim else f"**{shown}** ({aim:g}x)"


def _table(headings: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|---|" + "--:|" * (len(headings) - 1)
    for cells in rows:
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    typer.run(place_figures(figures))
