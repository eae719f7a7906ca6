"""Many runs: each in a process of its own, so that one that fails does not stop the rest."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import sleep
from typing import Any

from recbench.claim import Claim
from recbench.config import RunConfig
from recbench.device import visible_cards
from recbench.errors import RecbenchError, UsageError
from recbench.folders import Folders
from recbench.order import OUTCOME, Order, title
from recbench.pipeline import check, conclude, run
from recbench.progress import SILENT, Progress
from recbench.record import RunRecord
from recbench.recording import finished
from recbench.suite.child import TICK_SECONDS, Child
from recbench.suite.ledger import forget_failure, log_path, open_log, write_failure
from recbench.suite.limits import Limits
from recbench.suite.relay import Relay
from recbench.suite.settling import Settled, plain_folders
from recbench.suite.worker import cause

BUSY_SECONDS = 0.5
"""Seconds between two looks at a run that another process makes."""


@dataclass(frozen=True)
class Cell:
    """One run of a suite and what became of it.

    Attributes:
        config: What was asked for.
        record: Its record; None if it failed.
        error: Why it failed, in one message; empty if it did not.
        log: The file with all that a failed run has printed, its traceback last; None otherwise.
    """

    config: RunConfig
    record: RunRecord | None
    error: str = ""
    log: Path | None = None


def run_here(
    configs: Sequence[RunConfig],
    folders: Folders,
    progress: Progress = SILENT,
    *,
    again: bool = False,
    keep_model: bool = False,
) -> Iterator[Cell]:
    """Make every run in turn in this process, without limits, and yield what became of it.

    Raises:
        UsageError: If one asks for something that cannot be.
    """
    for config in configs:
        try:
            check(config, folders)
        except UsageError:
            raise
        except (Exception, SystemExit):  # noqa: S112 - of one run alone, told when its turn comes
            continue
    for number, config in enumerate(configs, 1):
        progress.note(f"[{number}/{len(configs)}] {title(config)}")
        try:
            record = run(config, folders, progress, again=again, keep_model=keep_model)
        except (Exception, SystemExit) as error:
            yield _raised(config, error, folders.results)
            continue
        forget_failure(config, folders.results)
        yield Cell(config, record)


def run_suite(
    runs: Sequence[Settled],
    folders: Folders,
    progress: Progress = SILENT,
    *,
    limits: Limits = Limits(),  # noqa: B008
    jobs: int = 1,
    again: bool = False,
    keep_model: bool = False,
) -> Iterator[Cell]:
    """Make every run in a process of its own and yield what became of it, as it ends.

    Runs that have been made before are not made again unless `again`. A run that another process
    is making is left to it, and its end is waited for after all others. When the caller stops
    early, what runs is ended, and its state kept. On a machine with several GPUs those that run at
    a time on `cuda` are dealt out among them.

    Args:
        runs: The runs, as `settle_all` returns them.
        folders: Where everything is.
        progress: Who is told how it goes.
        limits: What each run may use.
        jobs: How many run at a time.
        again: Whether to make those anew that have been made.
        keep_model: Whether to keep the state of each trained model beside its record.

    Raises:
        RecbenchError: If the folder of results cannot be written to.
    """
    cards = visible_cards() if jobs > 1 else []
    launcher = _Launcher(folders, progress, limits, len(runs), jobs, again, keep_model, cards)
    waiting, running = deque(enumerate(runs, 1)), list[_Running]()
    try:
        with progress.bar("all runs", len(runs), "runs") if len(runs) > 1 else nullcontext() as bar:
            while waiting or running:
                ended = []
                for _ in range(len(waiting)):
                    if len(running) == jobs:
                        break
                    number, each = waiting.popleft()
                    started = launcher.start(number, each, [one.card for one in running])
                    if isinstance(started, _Running):
                        running.append(started)
                    elif started:
                        ended.append(started)
                    else:
                        waiting.append((number, each))
                for one in [one for one in running if not one.going()]:
                    running.remove(one)
                    ended.append(one.conclude())
                for cell in ended:
                    if bar:
                        bar.advance(1)
                    yield cell
                if not ended:
                    sleep(TICK_SECONDS if running else BUSY_SECONDS)
    finally:
        with ExitStack() as all_of_them:
            for one in running:
                all_of_them.callback(one.close)


@dataclass(frozen=True)
class _Launcher:
    """Starts the runs of a suite."""

    folders: Folders
    progress: Progress
    limits: Limits
    total: int
    jobs: int
    again: bool
    keep_model: bool
    cards: Sequence[str] = ()
    told: set[str] = field(default_factory=set)

    def start(self, number: int, run: Settled, taken: Sequence[str]) -> _Running | Cell | None:
        """Return a run as it starts, or what became of it; None if another process makes it.

        Args:
            number: Its place in the suite.
            run: The run.
            taken: The GPU of each run that is at work.
        """
        name, results = f"[{number}/{self.total}] {title(run.config)}", self.folders.results
        if run.order is None:
            return _failed(run.config, run.error, results)
        claim = Claim(run.order.lock(results))
        if not claim.take():
            self._once(f"{name}: another process is making it; it is looked at again at the end")
            return None
        try:
            try:
                earlier = (
                    None if self.again else finished(run.order, results, with_state=self.keep_model)
                )
            except RecbenchError as error:  # its data are gone meanwhile
                gone = _raised(run.config, error, results)
                claim.release()
                return gone
            if earlier:
                claim.release()
                self.progress.note(f"{name}: done before, its record is kept")
                return Cell(run.config, earlier)
            self.progress.note(name)
            asked: dict[str, Any] = {
                "order": asdict(run.order),
                "folders": plain_folders(self.folders),
            }
            asked |= {"keep_model": self.keep_model}
            card = ""
            if self.cards and run.order.config.device == "cuda":
                card = min(self.cards, key=taken.count)
            with open_log(run.config, results) as log:
                child = Child(asked, log, self.limits, card)
        except BaseException:
            claim.release()
            raise
        several = self.jobs > 1 and self.total > 1
        relay = Relay(self.progress, title(run.config) if several else "")
        return _Running(run, run.order, claim, child, relay, results, card)

    def _once(self, text: str) -> None:
        if text not in self.told:
            self.progress.note(text)
        self.told.add(text)


@dataclass
class _Running:
    """A run whose process is at work."""

    run: Settled
    order: Order
    claim: Claim
    child: Child
    relay: Relay
    results: Path
    card: str
    failed: str = ""

    def going(self) -> bool:
        """Pass on what it tells; return whether it is still at work."""
        going = self.child.running()
        for event in self.child.events():
            self.failed = self.failed or str(event.get("failed", ""))
            self.relay.tell(event)
        return going

    def conclude(self) -> Cell:
        """Score what it has left, and return what became of it."""
        self.relay.close()
        self.child.close()
        config = self.run.config
        try:
            if self.failed or not (self.order.state(self.results) / OUTCOME).exists():
                return _failed(config, self.child.cause(self.failed), self.results)
            record = conclude(self.order, self.results)
        except Exception as error:  # who knows what a plugin's process has left
            return _raised(config, error, self.results)
        finally:
            self.claim.release()
        forget_failure(config, self.results)
        with suppress(FileNotFoundError):
            if not (printed := log_path(config, self.results)).stat().st_size:
                printed.unlink()
        return Cell(config, record)

    def close(self) -> None:
        """End it where it is; its state is kept."""
        self.child.close()
        self.claim.release()
        self.relay.close()  # last, for a terminal that is gone cannot be written to


def _raised(config: RunConfig, error: BaseException, results: Path) -> Cell:
    """Return a run that has failed by an error of this process, its traceback in the log."""
    with open_log(config, results) as log:
        log.write("".join(traceback.format_exception(error)).encode())
    return _failed(config, cause(error), results)


def _failed(config: RunConfig, error: str, results: Path) -> Cell:
    write_failure(config, error, results)
    return Cell(config, None, error, log_path(config, results))
