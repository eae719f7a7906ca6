"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of raw files, a folder per dataset. [env: RECBENCH_DATA]"),
]
CacheDir = Annotated[
    Path | None, typer.Option(help="Folder of prepared data. [env: RECBENCH_CACHE]")
]
Results = Annotated[
    Path | None,
    typer.Option(help="Folder of records; ./results by default. [env: RECBENCH_RESULTS]"),
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


def seeds(option: str, text: str) -> list[int]:
    """Return the seeds in a comma-separated list; `UsageError` if one is no whole number."""
    from recbench.errors import UsageError

    found = names(option, text)
    for each in found:
        if not each.isdecimal():
            raise UsageError(f"{option}: '{each}' is not a whole number of 0 or more")
    return [int(each) for each in found]
