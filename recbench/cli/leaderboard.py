"""`recbench leaderboard`: records as tables."""

from __future__ import annotations

from typing import Annotated

import typer

from recbench.cli import options


def leaderboard(
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    style: Annotated[str, typer.Option("--format", help="table, md, csv or latex.")] = "table",
    results: options.Results = None,
) -> None:
    """Show what the records in the results folder say, one table for each comparable group."""
    from recbench.errors import UsageError
    from recbench.folders import Folders
    from recbench.leaderboard import STYLES, load_records, render, tables

    options.one_of("--format", style, tuple(STYLES))
    root = Folders.from_environment(results=results).results
    records, problems = load_records(root)
    for problem in problems:
        typer.echo(f"skipped: {problem}", err=True)
    shown = tables(records, dataset or None, root)
    if not shown:
        about = f" of {dataset}" if dataset else ""
        raise UsageError(f"there is no record{about} in {root}; `recbench run` makes some")
    typer.echo(render(shown, style))
