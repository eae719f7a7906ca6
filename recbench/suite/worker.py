"""The process that runs plugin code: `python -m recbench.suite.worker`, which a suite starts.

One line of JSON on standard input says what to do. The pipe stays open after it: when it ends, the
suite is gone, and this process and all that it started end too. What happens is told in lines of
JSON on the file descriptor that is the only argument; all else that is printed is the log.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from recbench.config import RunConfig
from recbench.data import DataConfig, is_prepared
from recbench.data.reading import disk_full
from recbench.errors import RecbenchError, UnwritableError
from recbench.folders import Folders
from recbench.order import Order
from recbench.pipeline import fit_and_predict, fit_and_validate, plan, settle
from recbench.plain import finite, from_plain
from recbench.progress import Bar, Progress

TELL_SECONDS = 0.2
"""Shortest time between two reports of a bar."""
_PR_SET_PDEATHSIG = 1


class Events(Progress):
    """Tells the suite what happens."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, **event: Any) -> None:
        """Send one event."""
        line = json.dumps(event).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]

    def note(self, text: str) -> None:
        """Send a note."""
        self.tell(note=text)

    def warn(self, text: str) -> None:
        """Send a warning."""
        self.tell(warn=text)

    @contextmanager
    def bar(self, label: str, total: float, unit: str) -> Iterator[Bar]:
        """Send how far the body has come."""
        self.tell(bar=label, total=total, unit=unit)
        bar = _EventBar(self)
        yield bar
        bar.report()

    def failed(self, error: BaseException) -> None:
        """Send why something failed, and print its traceback to the log."""
        trace = traceback.format_exc()
        kind = UnwritableError if disk_full(error) else type(error)
        self.tell(failed=cause(error), kind=kind.__name__, trace=trace)
        with suppress(OSError):  # the disk of the log is full
            sys.stderr.write(trace)


class _EventBar(Bar):
    def __init__(self, events: Events) -> None:
        self._events, self._amount, self._told = events, 0.0, monotonic()
        self._figures: dict[str, float] = {}

    def advance(self, amount: float, **figures: float) -> None:
        self._amount += amount
        self._figures |= figures
        if monotonic() - self._told > TELL_SECONDS:
            self.report()

    def report(self) -> None:
        self._events.tell(advance=self._amount, figures=self._figures)
        self._amount, self._told = 0.0, monotonic()


def cause(error: BaseException) -> str:
    """Return why something failed, in one message."""
    if isinstance(error, RecbenchError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the plugin's code called sys.exit({error.code!r})"
    if disk_full(error):
        return f"{error}; free some space"
    return f"{type(error).__name__}: {error}"


def work(asked: Mapping[str, Any], events: Events) -> None:
    """Do what a suite or a tuning asks for."""
    folders = Folders(**{name: path and Path(path) for name, path in asked["folders"].items()})
    if "order" in asked:
        order = from_plain(Order, asked["order"])
        events.tell(begun="code")
        if "trial" in asked:
            fitted = fit_and_validate(order, Path(asked["trial"]), events)
            events.tell(validated=finite(fitted.best))
            return
        fit_and_predict(order, folders.results, events, keep_model=asked["keep_model"])
        return
    known: dict[DataConfig, DataConfig] = {}
    for plain in asked["configs"]:
        config = from_plain(RunConfig, plain)
        config = replace(config, data=known.get(config.data, config.data))
        try:
            events.tell(begun="code")
            source = plan(config, folders)[3]
            events.tell(begun="data")
            if not (asked["prepare"] or is_prepared(source, config.data, folders)):
                events.tell(order=None)
                continue
            order = settle(config, folders, events)
        except BaseException as error:  # the code of a plugin may raise anything
            events.failed(error)
            continue
        known[config.data] = order.config.data
        events.tell(order=asdict(order))


def main() -> None:
    """Do the work of one process; it ends with 0 if all was done or told."""
    events = Events(int(sys.argv[1]))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    asked = json.loads(sys.stdin.buffer.readline())
    _end_with_the_suite()
    torch.set_num_threads(asked["threads"])
    try:
        work(asked, events)
    except BaseException as error:  # the code of a plugin may raise anything
        events.failed(error)
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)  # whatever threads and hooks the plugin has left


def _end_with_the_suite() -> None:
    if sys.platform == "linux":  # even if code that holds Python's lock never returns
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
