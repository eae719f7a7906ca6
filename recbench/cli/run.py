"""`recbench run`: train and score models, then show the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options
from recbench.errors import UsageError

if TYPE_CHECKING:
    from recbench.config import RunConfig


def run(
    context: typer.Context,
    models: Annotated[str, typer.Option(help="Models, with commas between: din,dien,sim.")] = "",
    dataset: Annotated[
        str, typer.Option(help="Datasets, with commas between; `recbench list datasets` shows all.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between; a run for each.")] = "1",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="MODEL.FIELD=VALUE",
            help="Changes one setting; training.FIELD=VALUE those of training. Repeatable.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with one run, in place of --models, --dataset and the like."),
    ] = None,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    limit: options.Limit = 0,
    device: options.Device = "auto",
    jobs: options.Jobs = 1,
    threads: options.Threads = 0,
    time_limit: options.TimeLimit = "",
    memory_limit: options.MemoryLimit = 0,
    again: options.Again = False,
    failed: options.Failed = False,
    dry_run: options.DryRun = False,
    keep_model: options.KeepModel = False,
    in_process: Annotated[
        bool,
        typer.Option("--in-process", help="Make runs in this process, for a debugger; no limits."),
    ] = False,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    results: options.Results = None,
    plugin: options.Plugin = None,
    no_plugin: options.NoPlugin = None,
    json: options.Json = False,
) -> None:
    """Train and score models, a run for each model, dataset and seed.

    Each runs in a process of its own, and one that fails does not stop the others. Runs that were
    made before are kept; the same command continues what was broken off.

    Example: recbench run --models din,dien,sim --dataset taobao --seeds 1,2,3
    """
    from recbench.cli.making import Making, make_and_show
    from recbench.config import parse_overrides
    from recbench.folders import Folders
    from recbench.plugins import choosing

    limited = jobs > 1 or threads or time_limit or memory_limit
    if in_process and limited:
        raise UsageError(
            "--in-process makes one run after another, without limits; leave out --jobs, "
            "--threads, --time-limit and --memory-limit"
        )
    if config:
        configs = [_load_alone(config, context)]
    else:
        configs = _configs(models, dataset, seeds, (protocol, source, size, limit), device)
    overrides = parse_overrides(settings or (), {each.model for each in configs})
    limits = options.limits(jobs, threads, time_limit, memory_limit)
    making = Making(limits, jobs, again, failed, dry_run, keep_model, in_process, json)
    folders = Folders.from_environment(data_dir, cache_dir, results)
    with choosing(plugin or (), no_plugin or ()):
        make_and_show([overrides.apply(each) for each in configs], folders, making)


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
    """Return a configuration for each dataset, model and seed."""
    from recbench.config import RunConfig
    from recbench.data import DataConfig

    if not (models and dataset):
        raise UsageError("give either --models and --dataset, or --config FILE")
    protocol, source, size, limit = choices
    options.one_of("--source", source, ("auto", "real", "simulated"))
    numbers = options.seeds("--seeds", seeds)
    return [
        RunConfig(
            model,
            DataConfig(each, protocol, source, size, limit),  # type: ignore[arg-type]
            seed=number,
            device=device,
        )
        for each in options.names("--dataset", dataset)
        for model in options.names("--models", models)
        for number in numbers
    ]
