"""Many runs: all are checked before the first starts, and one that fails does not stop the rest."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from recbench.config import RunConfig
from recbench.data import obtain
from recbench.errors import RecbenchError
from recbench.folders import Folders
from recbench.pipeline import check, plan, run
from recbench.progress import SILENT, Progress
from recbench.record import RunRecord


@dataclass(frozen=True)
class Cell:
    """One run of a suite and what became of it.

    Attributes:
        config: What was asked for.
        record: Its record; None if it failed.
        error: Why it failed, in one message; empty if it did not.
        log: The file with the traceback of a failure that is not the user's; None otherwise.
    """

    config: RunConfig
    record: RunRecord | None
    error: str = ""
    log: Path | None = None


def run_suite(
    configs: Sequence[RunConfig],
    folders: Folders,
    progress: Progress = SILENT,
    *,
    again: bool = False,
    keep_model: bool = False,
) -> Iterator[Cell]:
    """Download what raw files can be had, make every run in turn and yield what became of it.

    Raises:
        RecbenchError: Before any run starts, if one asks for something that cannot be.
    """
    datasets = {config.data: plan(config, folders)[3] for config in configs}
    for data, dataset in datasets.items():
        obtain(dataset, data, folders, progress)
    settled = [replace(config, data=check(config, folders)[0].data) for config in configs]
    for number, (config, sure) in enumerate(zip(configs, settled, strict=True), 1):
        title = f"{config.model} on {config.data.dataset}, seed {config.seed}"
        progress.note(f"[{number}/{len(configs)}] {title}")
        make = partial(run, sure, folders, progress, again=again, keep_model=keep_model)
        yield _cell(config, make, folders)


def _cell(config: RunConfig, make: Callable[[], RunRecord], folders: Folders) -> Cell:
    try:
        return Cell(config, make())
    except RecbenchError as error:
        return Cell(config, None, str(error))
    except Exception as error:
        log = folders.results / ".runs" / f"{config.model}-{config.hash[:12]}-s{config.seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        return Cell(config, None, f"{type(error).__name__}: {error}", log)
