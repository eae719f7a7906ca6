"""`recbench tune`: as many trials for every model, then runs with the best settings of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from recbench.config import RunConfig
    from recbench.folders import Folders
    from recbench.suite.limits import Limits
    from recbench.suite.runs import Cell
    from recbench.tuning.tune import Tuned


def tune(
    models: Annotated[str, typer.Option(help="Models, with commas between: din,dien,sim.")],
    dataset: Annotated[str, typer.Option(help="Dataset; `recbench list datasets` shows all.")],
    trials: Annotated[int, typer.Option(help="Settings to try, as many for every model.")],
    seed: Annotated[
        int, typer.Option(help="Seed of every trial, and of which settings are tried.")
    ] = 1,
    seeds: Annotated[
        str, typer.Option(help="Seeds of the runs with the best settings, with commas between.")
    ] = "1",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="MODEL.FIELD=VALUE",
            help="Sets one setting, which is then not varied; training.FIELD=VALUE those of "
            "training. Repeatable.",
        ),
    ] = None,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    limit: options.Limit = 0,
    device: options.Device = "auto",
    threads: options.Threads = 0,
    time_limit: options.TimeLimit = "",
    memory_limit: options.MemoryLimit = 0,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    results: options.Results = None,
    as_json: options.Json = False,
) -> None:
    """Tune models on the validation part with equal budgets, then run the best of each.

    Started again after it was broken off, it goes on with the trials that were made. Every trial
    is kept in the results folder, under studies/. Each runs in a process of its own; one that
    crashes, or passes a limit, counts as failed.

    Example: recbench tune --models din,dien --dataset taobao --trials 30 --seeds 1,2,3
    """
    from recbench.cli.progress import progress
    from recbench.config import RunConfig, parse_overrides
    from recbench.data import DataConfig
    from recbench.folders import Folders
    from recbench.tuning.judging import JudgeApart
    from recbench.tuning.tune import tune_all

    listed = options.names("--models", models)
    numbers = options.seeds("--seeds", seeds)
    options.one_of("--source", source, ("auto", "real", "simulated"))
    data = DataConfig(dataset, protocol, source, size, limit)  # type: ignore[arg-type]
    overrides = parse_overrides(settings or (), listed)
    asked = [overrides.apply(RunConfig(model, data, seed=seed, device=device)) for model in listed]
    folders = Folders.from_environment(data_dir, cache_dir, results)
    shown, limits = progress(), options.limits(1, threads, time_limit, memory_limit)
    tuned = []
    for each in tune_all(asked, trials, folders, shown, JudgeApart(folders, limits, shown)):
        tuned.append(each)
        _tell(each, folders.results)
    cells = _run_best(tuned, numbers, folders, limits)
    _show(tuned, cells, folders.results, as_json=as_json)
    if any(each.error for each in tuned) or any(cell.error for cell in cells):
        raise typer.Exit(1)


def _tell(tuned: Tuned, results: Path) -> None:
    where = f"; every trial is in {tuned.study.path(results)}" if tuned.study else ""
    if tuned.error:
        typer.echo(f"FAILED {tuned.config.model}: {tuned.error}{where}", err=True)
    elif tuned.study and tuned.study.best is not None:
        place = tuned.study.best + 1
        typer.echo(f"{tuned.config.model}: the best is trial {place}{where}", err=True)


def _run_best(tuned: list[Tuned], seeds: list[int], folders: Folders, limits: Limits) -> list[Cell]:
    """Run the best configuration of each model with each seed."""
    from dataclasses import replace

    from recbench.cli.progress import progress
    from recbench.suite.runs import run_suite
    from recbench.suite.settling import settle_all

    best: list[RunConfig] = [
        replace(each.best, seed=number) for each in tuned if each.best for number in seeds
    ]
    cells = []
    shown = progress()
    runs = settle_all(best, folders, shown, limits=limits)
    for cell in run_suite(runs, folders, shown, limits=limits):
        cells.append(cell)
        if cell.error:
            typer.echo(
                f"FAILED {cell.config.model}, seed {cell.config.seed}: {cell.error}", err=True
            )
    return cells


def _show(tuned: list[Tuned], cells: list[Cell], results: Path, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from recbench.leaderboard import render, tables
    from recbench.plain import finite

    records = [cell.record for cell in cells if cell.record]
    if as_json:
        ends = [(each.config, each.error) for each in tuned]
        ends += [(cell.config, cell.error) for cell in cells]
        failed = [
            {"model": config.model, "seed": config.seed, "error": error}
            for config, error in ends
            if error
        ]
        studies = [finite(asdict(each.study)) for each in tuned if each.study]
        found = [finite(asdict(record)) for record in records]
        typer.echo(json.dumps({"studies": studies, "records": found, "failed": failed}))
    elif records:
        typer.echo(render(tables(records, root=results), "table"))
