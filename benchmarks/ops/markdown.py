"""`python -m benchmarks.ops.markdown RESULTS PAGE...`: put the figures into documentation pages."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from benchmarks.figures import machine_lines, milliseconds, place_figures
from benchmarks.ops.results import (
    Results,
    Row,
    by_operator,
    contenders,
    floor,
    median,
    megabytes,
    ratio,
    share,
)


def figures(results: Results) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from machine_lines(results)
    for operator, rows in by_operator(results):
        names = contenders(rows)
        if rows[0]["threads"] is None:
            yield from _on_a_card(results, operator, rows, names)
            continue
        headings = ["case", "threads", "pass", *names, "floor"]
        yield f"\n`{operator}`, ms\n"
        yield f"| {' | '.join(headings)} |"
        yield "|---|---|---|" + "--:|" * (len(headings) - 3)
        for row in rows:
            yield _line(results, row, names)
    yield ""


def _on_a_card(results: Results, operator: str, rows: list[Row], names: list[str]) -> Iterator[str]:
    """Yield an operator's tables of times and of memory on a GPU."""
    yield f"\n`{operator}`, ms, and the floor as a share of the kernel's time\n"
    yield f"| {' | '.join(['case', 'pass', *names, 'floor', 'share'])} |"
    yield "|---|---|" + "--:|" * (len(names) + 2)
    for row in rows:
        part = share(results, row)
        cells = [*_place(row), *_times(row, names), milliseconds(floor(results, row))]
        yield f"| {' | '.join([*cells, '' if part is None else f'{part:.0%}'])} |"
    yield f"\n`{operator}`, MB of the GPU's memory beside the arguments\n"
    yield f"| {' | '.join(['case', 'pass', *names])} |"
    yield "|---|---|" + "--:|" * len(names)
    for row in rows:
        yield f"| {' | '.join([*_place(row), *(megabytes(row, name) for name in names)])} |"


def _line(results: Results, row: Row, names: list[str]) -> str:
    case, direction = _place(row)
    cells = [case, str(row["threads"]), direction, *_times(row, names)]
    return f"| {' | '.join([*cells, milliseconds(floor(results, row))])} |"


def _place(row: Row) -> tuple[str, str]:
    return row["case"], row["direction"].replace("forward and ", "+ ")


def _times(row: Row, names: list[str]) -> list[str]:
    cells = []
    for name in names:
        time, times = median(row, name), ratio(row, name)
        if time is None:
            cells.append("")
        elif times is None or name == "native":
            cells.append(milliseconds(time))
        else:
            cells.append(f"{milliseconds(time)} ({times:.1f}x)")
    return cells


if __name__ == "__main__":
    typer.run(place_figures(figures))
