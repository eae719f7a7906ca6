"""`python -m benchmarks.ops.markdown RESULTS PAGE...`: put the figures into documentation pages."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from benchmarks.figures import machine_lines, milliseconds, place_figures
from benchmarks.ops.results import Results, Row, by_operator, contenders, floor, median, ratio


def figures(results: Results) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from machine_lines(results)
    for operator, rows in by_operator(results):
        names = contenders(rows)
        headings = ["case", "threads", "pass", *names, "floor"]
        yield f"\n`{operator}`, ms\n"
        yield f"| {' | '.join(headings)} |"
        yield "|---|---|---|" + "--:|" * (len(headings) - 3)
        for row in rows:
            yield _line(results, row, names)
    yield ""


def _line(results: Results, row: Row, names: list[str]) -> str:
    cells = [row["case"], str(row["threads"]), row["direction"].replace("forward and ", "+ ")]
    for name in names:
        time, times = median(row, name), ratio(row, name)
        if time is None:
            cells.append("")
        elif times is None or name == "native":
            cells.append(milliseconds(time))
        else:
            cells.append(f"{milliseconds(time)} ({times:.1f}x)")
    return f"| {' | '.join([*cells, milliseconds(floor(results, row))])} |"


if __name__ == "__main__":
    typer.run(place_figures(figures))
