"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recbench.suite.limits import Limits

LIMITS, FOLDERS, PLUGINS = "Limits", "Folders", "Plugins"
"""Headings of the options in --help."""

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of raw files, a folder for each dataset; RECBENCH_DATA if not given.",
        rich_help_panel=FOLDERS,
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of prepared data; RECBENCH_CACHE if not given.", rich_help_panel=FOLDERS
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(
        help="Folder of records; RECBENCH_RESULTS, or else ./results, if not given.",
        rich_help_panel=FOLDERS,
    ),
]
Protocol = Annotated[
    str, typer.Option(help="How the data are split; the dataset's default if not given.")
]
Source = Annotated[
    str,
    typer.Option(
        help="real, simulated, or auto: real files if they are there or can be downloaded."
    ),
]
Size = Annotated[str, typer.Option(help="Size of simulated data: tiny, small, medium or full.")]
Limit = Annotated[int, typer.Option(help="Use at most so many examples of each part; 0 for all.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int,
    typer.Option(help="Runs at a time, each in a process of its own.", rich_help_panel=LIMITS),
]
Threads = Annotated[
    int,
    typer.Option(
        help="Threads of each run; an equal share of the cores if 0. Sums may differ "
        "in their last bits with another number.",
        rich_help_panel=LIMITS,
    ),
]
TimeLimit = Annotated[
    str,
    typer.Option(
        help="Longest time of each run: seconds, or 30m, 2h; it then counts as failed.",
        rich_help_panel=LIMITS,
    ),
]
MemoryLimit = Annotated[
    float,
    typer.Option(help="Most memory of each run, in GiB; 0 for any.", min=0, rich_help_panel=LIMITS),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the runs and how far each has come; make none.")
]
Failed = Annotated[bool, typer.Option("--failed", help="Make only runs that have failed before.")]
Again = Annotated[bool, typer.Option("--again", help="Also make runs that were made before.")]
KeepModel = Annotated[
    bool,
    typer.Option("--keep-model", help="Keep each trained model's state, for recbench explain."),
]
Plugin = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="[NAME=]MODULE:CLASS",
        help="A model or dataset that is not installed, found from here; repeatable. "
        "RECBENCH_PLUGINS adds more.",
        rich_help_panel=PLUGINS,
    ),
]
NoPlugin = Annotated[
    list[str] | None,
    typer.Option(
        "--no-plugin",
        metavar="NAME",
        help="A distribution, model or dataset to do without; repeatable. "
        "RECBENCH_NO_PLUGINS adds more; 1 there means all but recbench's own.",
        rich_help_panel=PLUGINS,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    """Return `value`; raise `UsageError` with the nearest right one if it is not a choice."""
    from recbench.errors import unknown_name

    if value not in choices:
        raise unknown_name(f"value of {option}:", value, choices)
    return value


def names(option: str, text: str) -> list[str]:
    """Return the names in a comma-separated list; `UsageError` if there is none or one twice."""
    from recbench.errors import UsageError

    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found or len(set(found)) < len(found):
        raise UsageError(
            f"{option} '{text}': give one or more different names, with commas between"
        )
    return found


def limits(jobs: int, threads: int, time_limit: str, memory_limit: float) -> Limits:
    """Return what each run may use; `UsageError` if it cannot be."""
    from recbench.suite.limits import Limits, duration, threads_of

    seconds = duration(time_limit, "--time-limit") if time_limit else 0.0
    return Limits(seconds, memory_limit, threads_of(jobs, threads))


def seeds(option: str, text: str) -> list[int]:
    """Return the seeds in a comma-separated list; `UsageError` if one is none or there twice."""
    from recbench.errors import UsageError

    found = names(option, text)
    for each in found:
        if not each.isdecimal():
            raise UsageError(f"{option}: '{each}' is not a whole number of 0 or more")
    numbers = [int(each) for each in found]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"{option} '{text}': the same seed is there twice")
    return numbers
