"""`python -m benchmarks.ops.markdown RESULTS PAGE...`: put the figures into documentation pages.

They go between the lines `<!-- figures -->` and `<!-- end of figures -->` of each page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ops.results import (
    Results,
    Row,
    by_operator,
    contenders,
    floor,
    median,
    milliseconds,
    ratio,
)

PLACE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def main(
    results: Annotated[Path, typer.Argument(help="What `python -m benchmarks.ops` wrote.")],
    pages: Annotated[list[Path], typer.Argument(help="Markdown files.")],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if they differ.")] = (
        False
    ),
) -> None:
    """Put the figures of a results file into pages."""
    figures = "\n".join(_figures(json.loads(results.read_text())))
    for page in pages:
        before = page.read_text()
        if not PLACE.search(before):
            raise typer.BadParameter(f"{page} has no place for figures")
        after = PLACE.sub(lambda _: f"\n{figures}\n", before)
        if check and after != before:
            typer.echo(f"{page} does not show {results}", err=True)
            raise typer.Exit(1)
        page.write_text(after)


def _figures(results: Results) -> Iterator[str]:
    environment = results["environment"]
    yield f"`{environment['cpu']}`, {results['cores']} cores, {results['isa']};"
    yield f"torch {environment['torch']}; {results['date'][:10]}; load {results['load']:.1f}."
    for peak in results["peaks"]:
        yield (
            f"{peak['threads']} thread{'s' if peak['threads'] > 1 else ''}: "
            f"{peak['gflops']:.0f} GFLOP/s (sgemm), {peak['read_gbs']:.1f} GB/s (read)."
        )
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
    typer.run(main)
