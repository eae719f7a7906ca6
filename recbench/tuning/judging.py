"""How a setting does on the validation part: found in this process, or in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recbench.errors import ChangedCodeError, TrainingError, UnwritableError
from recbench.folders import Folders
from recbench.order import Order
from recbench.pipeline import fit_and_validate
from recbench.progress import SILENT, Progress
from recbench.suite.child import Child
from recbench.suite.ledger import log_path, open_log
from recbench.suite.limits import Limits
from recbench.suite.relay import Relay
from recbench.suite.settling import plain_folders

Judge = Callable[[Order, Path], Mapping[str, float]]
"""Trains as an order says, with a folder for what training keeps; returns the validation scores."""


def judge_here(order: Order, state: Path) -> Mapping[str, float]:
    """Train in this process; see `Judge`."""
    return fit_and_validate(order, state).best


@dataclass(frozen=True)
class JudgeApart:
    """Trains in a process of its own, which no crash or hang of the model's code gets out of.

    Attributes:
        folders: Where everything is.
        limits: What the process may use.
        progress: Who is told how it goes.
    """

    folders: Folders
    limits: Limits = Limits()
    progress: Progress = SILENT

    def __call__(self, order: Order, state: Path) -> Mapping[str, float]:
        """Train; see `Judge`.

        Raises:
            ChangedCodeError: If the model's code is not what it was when the tuning began.
            UnwritableError: If what training keeps cannot be written, because the disk is full.
            TrainingError: With what else failed in the process, or what has ended it.
        """
        asked: dict[str, Any] = {"order": asdict(order), "trial": str(state.absolute())}
        asked |= {"folders": plain_folders(self.folders)}
        with open_log(order.config, self.folders.results) as printed:
            child = Child(asked, printed, self.limits)
        relay, failed, kind, scores = Relay(self.progress), "", "", None
        try:
            for event in child.events_to_the_end():
                failed, kind = failed or str(event.get("failed", "")), kind or event.get("kind", "")
                scores = event.get("validated", scores)
                relay.tell(event)
        finally:
            child.close()
            relay.close()
        log = log_path(order.config, self.folders.results)
        for passed in (ChangedCodeError, UnwritableError):
            if kind == passed.__name__:
                raise passed(failed)
        if failed or scores is None:
            raise TrainingError(f"{child.cause(failed)} (log: {log})")
        log.unlink(missing_ok=True)
        return {name: float("nan") if value is None else value for name, value in scores.items()}
