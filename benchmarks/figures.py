"""Puts the figures of a results file into documentation pages.

They go between the lines `<!-- figures -->` and `<!-- end of figures -->` of each page, those of a
GPU between `<!-- figures on a GPU -->` and `<!-- end of figures on a GPU -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer


def place_of(results: dict[str, Any]) -> re.Pattern[str]:
    """Return what finds the place of results in a page."""
    name = "figures" if results["environment"]["device"] == "cpu" else "figures on a GPU"
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)


def place_figures(figures: Callable[[dict[str, Any]], Iterator[str]]) -> Callable[..., None]:
    """Return a command that places what `figures` makes of a results file, line by line."""

    def main(
        results: Annotated[Path, typer.Argument(help="What the benchmark wrote.")],
        pages: Annotated[list[Path], typer.Argument(help="Markdown files.")],
        check: Annotated[
            bool, typer.Option("--check", help="Change nothing; fail if they differ.")
        ] = False,
    ) -> None:
        """Put the figures of a results file into pages."""
        data = json.loads(results.read_text())
        text, place = "\n".join(figures(data)), place_of(data)
        for page in pages:
            before = page.read_text()
            if not place.search(before):
                raise typer.BadParameter(f"{page} has no place for these figures")
            after = place.sub(lambda _: f"\n{text}\n", before)
            if check and after != before:
                typer.echo(f"{page} does not show {results}", err=True)
                raise typer.Exit(1)
            page.write_text(after)

    return main


def machine_lines(results: dict[str, Any]) -> Iterator[str]:
    """Yield what the machine is, when it was measured and what it can do at most."""
    environment = results["environment"]
    if environment["device"] != "cpu":
        yield f"{environment['device']}, in a machine with"
    yield f"`{environment['cpu']}`, {results['cores']} cores, {results['isa']};"
    yield f"torch {environment['torch']}; {results['date'][:10]}; load {results['load']:.1f}."
    for peak in results["peaks"]:
        if peak["threads"] is None:
            yield f"{peak['gflops']:.0f} GFLOP/s (sgemm), {peak['copy_gbs']:.0f} GB/s (copy)."
            continue
        yield (
            f"{peak['threads']} thread{'s' if peak['threads'] > 1 else ''}: "
            f"{peak['gflops']:.0f} GFLOP/s (sgemm), {peak['read_gbs']:.1f} GB/s (read)."
        )


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds, with three digits."""
    value = 1e3 * seconds
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
