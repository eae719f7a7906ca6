"""`recbench run`: train and score models, then show the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options
from recbench.errors import UsageError

if TYPE_CHECKING:
    from recbench.config import RunConfig
    from recbench.folders import Folders
    from recbench.suite import Cell


def run(
    context: typer.Context,
    models: Annotated[str, typer.Option(help="Models, with commas between: din,dien,sim.")] = "",
    dataset: Annotated[str, typer.Option(help="Dataset; `recbench list datasets` shows all.")] = "",
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between; a run for each.")] = "1",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="MODEL.FIELD=VALUE or training.FIELD=VALUE; repeatable."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with one run, in place of --models, --dataset and the like."),
    ] = None,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    limit: Annotated[int, typer.Option(help="Use at most so many examples of each part.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    again: Annotated[
        bool, typer.Option("--again", help="Also make runs that were made before.")
    ] = False,
    keep_model: Annotated[
        bool,
        typer.Option("--keep-model", help="Keep each trained model's state, for recbench explain."),
    ] = False,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    results: options.Results = None,
    json: options.Json = False,
) -> None:
    """Train and score models on a dataset, a run for each model and seed.

    Example: recbench run --models din,dien,sim --dataset taobao --seeds 1,2,3
    """
    from recbench.config import parse_overrides
    from recbench.folders import Folders

    if config:
        configs = [_load_alone(config, context)]
    else:
        configs = _configs(models, dataset, seeds, (protocol, source, size, limit), device)
    overrides = parse_overrides(settings or (), {each.model for each in configs})
    folders = Folders.from_environment(data_dir, cache_dir, results)
    _run_and_show(
        [overrides.apply(each) for each in configs],
        folders,
        again=again,
        keep_model=keep_model,
        as_json=json,
    )


def _load_alone(config: Path, context: typer.Context) -> RunConfig:
    """Return the file's configuration; `UsageError` if an option is given that it decides."""
    from recbench.config import load_config

    for name in ("models", "dataset", "seeds", "protocol", "source", "size", "limit", "device"):
        origin = context.get_parameter_source(name)
        if origin is not None and origin.name == "COMMANDLINE":
            raise UsageError(f"--config FILE decides it all; leave out --{name} or set it there")
    return load_config(config)


def _configs(
    models: str, dataset: str, seeds: str, choices: tuple[str, str, str, int], device: str
) -> list[RunConfig]:
    """Return a configuration for each model and seed."""
    from recbench.config import RunConfig
    from recbench.data import DataConfig

    if not (models and dataset):
        raise UsageError("give either --models and --dataset, or --config FILE")
    protocol, source, size, limit = choices
    options.one_of("--source", source, ("auto", "real", "simulated"))
    numbers = options.seeds("--seeds", seeds)
    data = DataConfig(dataset, protocol, source, size, limit)  # type: ignore[arg-type]
    listed = options.names("--models", models)
    return [RunConfig(model, data, seed=n, device=device) for model in listed for n in numbers]


def _run_and_show(
    configs: list[RunConfig],
    folders: Folders,
    *,
    again: bool,
    keep_model: bool,
    as_json: bool,
) -> None:
    from recbench.cli.progress import progress
    from recbench.suite import run_suite

    cells = []
    for cell in run_suite(configs, folders, progress(), again=again, keep_model=keep_model):
        cells.append(cell)
        if cell.error:
            where = f" (traceback in {cell.log})" if cell.log else ""
            typer.echo(
                f"FAILED {cell.config.model}, seed {cell.config.seed}: {cell.error}{where}",
                err=True,
            )
    _show(cells, folders.results, as_json=as_json)
    if any(cell.error for cell in cells):
        raise typer.Exit(1)


def _show(cells: list[Cell], results: Path, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from recbench.leaderboard import render, tables
    from recbench.plain import finite

    records = [cell.record for cell in cells if cell.record]
    if as_json:
        failed = [
            {"model": cell.config.model, "seed": cell.config.seed, "error": cell.error}
            for cell in cells
            if cell.error
        ]
        typer.echo(json.dumps({"records": [finite(asdict(r)) for r in records], "failed": failed}))
    elif records:
        typer.echo(render(tables(records, root=results), "table"))
