"""What has become of each cell of a suite: one small file for each that failed, beside its log.

A cell that is done has its record, one that was broken off its state folder; neither needs a line
of its own, so that nothing can disagree. A failure is known by what was asked for, not by the key
of the run: that holds the code, and code that fails is there to be mended.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from recbench.claim import unwritable
from recbench.config import RunConfig
from recbench.order import Order
from recbench.plain import from_plain
from recbench.recording import finished

State = Literal["done", "failed", "broken off", "waiting"]


@dataclass(frozen=True)
class Failure:
    """Why a cell has no record.

    Attributes:
        error: The cause, in one message.
        log: The file with all that it printed and the traceback.
        config: What was asked for.
        created: When it failed, UTC, ISO 8601.
    """

    error: str
    log: str
    config: dict[str, Any]
    created: str


def log_path(config: RunConfig, results: Path) -> Path:
    """Return the file for what a run prints."""
    name = f"{config.data.dataset}-{config.model}-{config.hash[:12]}-s{config.seed}.log"
    return results / ".runs" / name


def open_log(config: RunConfig, results: Path) -> IO[bytes]:
    """Return the file for what a run prints, emptied.

    Raises:
        UnwritableError: If it cannot be written.
    """
    path = log_path(config, results)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise unwritable(path.parent, error) from error


def write_failure(config: RunConfig, error: str, results: Path) -> Failure:
    """Write down that a cell has failed.

    Raises:
        UnwritableError: If the file cannot be written.
    """
    log = log_path(config, results)
    path = _path(config, results)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    failure = Failure(error, str(log), config.plain(), now)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(failure), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as cause:
        raise unwritable(path.parent, cause) from cause
    return failure


def read_failure(config: RunConfig, results: Path) -> Failure | None:
    """Return why a cell has failed the last time; None if it has not, or nobody knows any more."""
    try:
        text = _path(config, results).read_text(encoding="utf-8")
        return from_plain(Failure, json.loads(text))
    except (OSError, ValueError):
        return None


def forget_failure(config: RunConfig, results: Path) -> None:
    """Remove what was written of a cell that has been made after all."""
    _path(config, results).unlink(missing_ok=True)


def state_of(config: RunConfig, order: Order | None, results: Path) -> State:
    """Return how far a cell has come."""
    if order and finished(order, results, with_state=False):
        return "done"
    if read_failure(config, results):
        return "failed"
    return "broken off" if order and order.state(results).exists() else "waiting"


def _path(config: RunConfig, results: Path) -> Path:
    return log_path(config, results).with_suffix(".json")
