"""`recbench plugin`: check models and datasets of one's own, and begin new ones."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.plugins import Kind, Plugin
    from recbench.testing import CheckResult

app = typer.Typer(help="Check plugins, and begin new ones.", no_args_is_help=True)


@app.command()
def check(
    name: Annotated[
        str,
        typer.Argument(
            help="A model or dataset; or the class of one that is not installed, found from here.",
            metavar="NAME|MODULE:CLASS",
        ),
    ],
    kind: Annotated[str, typer.Option(help="model or dataset, where both have the name.")] = "",
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Try whether a model or dataset keeps the plugin contract; exits with 1 if it does not.

    A model is tried on made-up data of its task; a dataset on its sample, or its simulator's data.
    """
    from recbench.catalogue.names import find_any
    from recbench.cli.progress import progress
    from recbench.folders import Folders
    from recbench.testing.plugin_checks import check_plugin

    folders = Folders.from_environment(data_dir)
    plugin = find_any(name, _kind(kind), folders)
    results = check_plugin(plugin, progress())
    if as_json:
        typer.echo(json.dumps(_plain(plugin, results)))
    else:
        _print(plugin, results)
    if not all(each.passed for each in results):
        raise typer.Exit(1)


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(help="What the model or dataset is to be asked for by, such as my-fm.")
    ],
    kind: Annotated[str, typer.Option(help="model or dataset.")] = "model",
    directory: Annotated[
        Path | None, typer.Option(help="Where to write it; ./recbench-NAME if not given.")
    ] = None,
) -> None:
    """Write a whole distribution with a new model or dataset, which passes every check."""
    from recbench.skeleton.distribution import Names, write_distribution

    names = Names(_kind(kind) or "model", name)
    folder = directory or Path(names.distribution)
    for path in write_distribution(names, folder):
        typer.echo(path)
    typer.echo(f"next: cd {folder} && pip install . && recbench plugin check {name}")


def _kind(text: str) -> Kind | None:
    """Return the kind that an option names; None if it is not given."""
    if text:
        options.one_of("--kind", text, ("model", "dataset"))
    return text or None  # type: ignore[return-value]


def _plain(plugin: Plugin, results: list[CheckResult]) -> dict[str, Any]:
    about = {name: value for name, value in asdict(plugin).items() if name != "card"}
    return {
        **about,
        "passed": all(each.passed for each in results),
        "checks": [asdict(each) for each in results],
    }


def _print(plugin: Plugin, results: list[CheckResult]) -> None:
    from rich.table import Table

    table = Table("check", "result", "why", box=None, header_style="bold", pad_edge=False)
    for each in results:
        outcome = each.outcome if each.passed else each.outcome.upper()
        table.add_row(each.name, outcome, each.reason)
    print_table(table)
    counts = Counter(each.outcome for each in results)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    typer.echo(f"{plugin.kind} {plugin.name} of {plugin.owner}: {len(results)} checks: {told}")
