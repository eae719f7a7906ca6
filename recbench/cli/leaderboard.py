"""`recbench leaderboard`: records as tables, printed or in pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recbench.cli import options


def leaderboard(
    context: typer.Context,
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    style: Annotated[str, typer.Option("--format", help="table, md, csv or latex.")] = "table",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            help="Markdown page to put the tables in, between <!-- leaderboard --> and "
            "<!-- end of leaderboard -->; repeatable.",
            metavar="FILE",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Change nothing; exit with 1 if a page (README.md of the results folder, or each "
            "--output) is not what the records say.",
        ),
    ] = False,
    results: options.Results = None,
) -> None:
    """Show what the records in the results folder say, one table for each comparable group."""
    from recbench.errors import UsageError
    from recbench.folders import Folders
    from recbench.leaderboard import STYLES, load_records, render, tables

    root = Folders.from_environment(results=results).results
    if output or check:
        for name in ("dataset", "style"):
            origin = context.get_parameter_source(name)
            if origin is not None and origin.name == "COMMANDLINE":
                option = {"style": "format"}.get(name, name)
                raise UsageError(
                    f"--{option} is for printed tables; a page says itself what it has"
                )
        _pages(output or [root / "README.md"], root, check=check)
        return
    options.one_of("--format", style, tuple(STYLES))
    records, problems = load_records(root)
    for problem in problems:
        typer.echo(f"skipped: {problem}", err=True)
    shown = tables(records, dataset or None, root)
    if not shown:
        about = f" of {dataset}" if dataset else ""
        raise UsageError(f"there is no record{about} in {root}; `recbench run` makes some")
    typer.echo(render(shown, style))


def _pages(paths: list[Path], root: Path, *, check: bool) -> None:
    from recbench.leaderboard import differences, make_pages, write_pages

    pages = make_pages(paths, root)
    if not check:
        write_pages(pages)
        for path in pages:
            typer.echo(f"wrote {path}")
    elif found := differences(pages):
        typer.echo(found, nl=False)
        typer.echo("the pages are not what the records say; `--output FILE` writes them", err=True)
        raise typer.Exit(1)
    else:
        typer.echo(f"{', '.join(map(str, pages))}: as the records say")
