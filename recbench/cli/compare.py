"""`recbench compare`: which of several models is better, and whether by more than chance."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import fits, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from recbench.leaderboard import Comparison
    from recbench.metrics.statistics import Difference


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Two or more models; MODEL@HASH where one has several configurations.",
            metavar="MODEL MODEL...",
        ),
    ],
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    metrics: Annotated[str, typer.Option(help="Scores, with commas between; all if empty.")] = "",
    results: options.Results = None,
    as_json: options.Json = False,
) -> None:
    """Compare models on the same test users: difference, 95 % interval, p-values, effect size."""
    from recbench.errors import UsageError
    from recbench.folders import Folders
    from recbench.leaderboard import compare as compare_models
    from recbench.leaderboard import load_records
    from recbench.plain import finite

    if len(models) < 2:
        raise UsageError("give two or more models to compare, such as `recbench compare din sim`")
    root = Folders.from_environment(results=results).results
    records, problems = load_records(root)
    for problem in problems:
        typer.echo(f"skipped: {problem}", err=True)
    chosen = [record for record in records if dataset in ("", record.dataset.name)]
    scores = options.names("--metrics", metrics) if metrics else []
    found = compare_models(chosen, root, models, scores)
    if as_json:
        typer.echo(json.dumps(finite([_plain(each) for each in found])))
        return
    for place, comparison in enumerate(found):
        if place:
            typer.echo()
        _print(comparison)


def _print(comparison: Comparison) -> None:
    typer.echo(comparison.group.title)
    table, left_out = _table(comparison, scores=True), ""
    if not fits(table):
        table = _table(comparison, scores=False)
        left_out = "left out, for want of width: first's, second's"
    print_table(table)
    for note in filter(None, (*_notes(comparison), left_out)):
        typer.echo(note)


def _table(comparison: Comparison, *, scores: bool) -> Table:
    """Return the lines of a comparison, with each model's own score if there is room."""
    from rich.table import Table

    table = Table("first", "second", "score", box=None, header_style="bold", pad_edge=False)
    for header in ("first's", "second's") if scores else ():
        table.add_column(header, no_wrap=True)
    table.add_column("difference", no_wrap=True)
    table.add_column("95 % interval")
    for header in ("p", "p (Holm)", "effect"):
        table.add_column(header, no_wrap=True)
    for pair in comparison.pairs:
        found = pair.difference
        table.add_row(
            pair.first,
            pair.second,
            pair.score,
            *(f"{value:.4f}" for value in pair.values if scores),
            f"{found.value:+.4f}",
            _interval(found),
            _p(found.p_value),
            _p(pair.adjusted),
            f"{found.effect:+.3f}",
        )
    return table


def _notes(comparison: Comparison) -> list[str]:
    from recbench.metrics.statistics import FEWEST

    seeds = ", ".join(f"{label} {count}" for label, count in comparison.seeds.items())
    found = [
        f"chance: {comparison.units:,} users or other units, drawn again; seeds: {seeds}",
        f"Holm's correction is for all {len(comparison.pairs)} rows; effect is the difference over "
        "the standard deviation of what single units add",
    ]
    if any(math.isnan(pair.difference.p_value) for pair in comparison.pairs):
        found.append(
            f"unknown: the score rests in effect on fewer than {FEWEST} users or other units"
        )
    if single := [label for label, count in comparison.seeds.items() if count == 1]:
        found.append(
            f"one seed of {', '.join(single)}: the chance in training is NOT in these intervals; "
            "run more with --seeds 1,2,3"
        )
    return found


def _p(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:.4f}" if value >= 0.001 else "< 0.001"


def _interval(found: Difference) -> str:
    return "unknown" if math.isnan(found.low) else f"{found.low:+.4f} to {found.high:+.4f}"


def _plain(comparison: Comparison) -> dict[str, Any]:
    return {
        "group": asdict(comparison.group),
        "units": comparison.units,
        "seeds": dict(comparison.seeds),
        "pairs": [asdict(pair) for pair in comparison.pairs],
    }
