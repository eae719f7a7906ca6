"""`recbench suite`: make the runs that a file declares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recbench.cli import options


def suite(
    file: Annotated[Path, typer.Argument(help="The suite.", metavar="FILE.toml")],
    jobs: options.Jobs = 1,
    threads: Annotated[
        int,
        typer.Option(
            help="Threads of each run; what the file says if 0.",
            min=0,
            rich_help_panel=options.LIMITS,
        ),
    ] = 0,
    time_limit: options.TimeLimit = "",
    memory_limit: options.MemoryLimit = 0,
    again: options.Again = False,
    failed: options.Failed = False,
    dry_run: options.DryRun = False,
    keep_model: options.KeepModel = False,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    results: options.Results = None,
    json: options.Json = False,
) -> None:
    """Make the runs that a file declares, such as those of one paper's table.

    Runs that were made before are kept; the same command continues what was broken off.

    Example: recbench suite suites/quick.toml --jobs 2
    """
    from recbench.cli.making import Making, make_and_show
    from recbench.folders import Folders
    from recbench.suite.file import load_suite

    declared = load_suite(file)
    limits = options.limits(
        jobs,
        threads or declared.threads,
        time_limit or declared.time_limit,
        memory_limit or declared.memory_limit,
    )
    making = Making(limits, jobs, again, failed, dry_run, keep_model, False, json)
    folders = Folders.from_environment(data_dir, cache_dir, results)
    make_and_show(declared.configs(), folders, making, declared)
