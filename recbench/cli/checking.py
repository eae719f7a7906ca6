"""`recbench verify` and `recbench reproduce`: whether records can be believed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.reproduction import Reproduction


def verify(
    records: Annotated[
        list[Path] | None,
        typer.Argument(help="Records; all of the results folder if none.", metavar="RECORD.json"),
    ] = None,
    results: options.Results = None,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Check records: form, metric versions, scores by their predictions, and test data.

    Exits with 1 if one differs. Data are compared where they are prepared on this machine.
    """
    from rich.table import Table

    from recbench.errors import UsageError
    from recbench.folders import Folders
    from recbench.verification import verify_record

    folders = Folders.from_environment(data_dir, cache_dir, results)
    paths = records or sorted(folders.results.glob("*-v*/*/*/*.json"))
    if not paths:
        raise UsageError(f"there is no record in {folders.results}; `recbench run` makes some")
    found = {path: verify_record(path, folders) for path in paths}
    bad = [path for path, checks in found.items() if any(c.result == "differs" for c in checks)]
    if as_json:
        typer.echo(json.dumps({str(p): [asdict(each) for each in c] for p, c in found.items()}))
    else:
        table = Table(
            "record", "check", "result", "why", box=None, header_style="bold", pad_edge=False
        )
        for path, checks in found.items():
            name = str(path)
            for each in checks:
                table.add_row(
                    name,
                    each.check,
                    each.result.upper() if each.result == "differs" else each.result,
                    each.why,
                )
                name = ""
        print_table(table)
        typer.echo(f"{len(found) - len(bad)} of {len(found)} records agree with their files")
    if bad:
        raise typer.Exit(1)


def reproduce(
    record: Annotated[Path, typer.Argument(help="The record of a run.", metavar="RECORD.json")],
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:N; the record's if not given.")
    ] = "",
    plugin: options.Plugin = None,
    as_json: options.Json = False,
) -> None:
    """Make a recorded run again and say whether it agrees; exits with 1 if it does not.

    It agrees if every prediction is the same to the last bit. The record stays as it is.
    """
    from recbench.cli.progress import progress
    from recbench.folders import Folders
    from recbench.plain import finite
    from recbench.plugins import choosing
    from recbench.reproduction import reproduce as make_again

    with choosing(plugin or (), ()):
        folders = Folders.from_environment(data_dir, cache_dir)
        found = make_again(record, folders, progress(), device)
    if as_json:
        typer.echo(json.dumps(finite(asdict(found) | {"exact": found.exact})))
    else:
        _print(found)
    if not found.exact:
        raise typer.Exit(1)


def _print(found: Reproduction) -> None:
    from rich.table import Table

    table = Table(
        "score", "record", "again", "difference", box=None, header_style="bold", pad_edge=False
    )
    for name, difference in found.differences.items():
        values = (run.scores.get(name, math.nan) for run in (found.record, found.again))
        table.add_row(name, *(f"{value:.6f}" for value in values), f"{difference:+.2e}")
    print_table(table)
    if found.exact:
        typer.echo("agrees: every prediction is the same to the last bit")
        return
    columns = f" ({', '.join(found.columns)})" if found.columns else ""
    typer.echo(f"differs: by up to {found.predictions:.3g} in a prediction{columns}")
    for note in found.notes:
        typer.echo(f"  {note}")
