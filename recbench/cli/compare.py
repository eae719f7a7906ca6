"""`recbench compare`: which of several models is better, and whether by more than chance."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
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
    from rich.table import Table

    typer.echo(comparison.group.title)
    columns = ("first", "second", "score", "first's", "second's", "difference", "95 % interval")
    table = Table(
        *columns, "p", "p (Holm)", "effect", box=None, header_style="bold", pad_edge=False
    )
    for pair in comparison.pairs:
        found = pair.difference
        table.add_row(
            pair.first,
            pair.second,
            pair.score,
            *(f"{value:.4f}" for value in pair.values),
            f"{found.value:+.4f}",
            _interval(found),
            _p(found.p_value),
            _p(pair.adjusted),
            f"{found.effect:+.3f}",
        )
    print_table(table)
    for note in _notes(comparison):
        typer.echo(note)


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
