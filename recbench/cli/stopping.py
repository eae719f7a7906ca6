"""Signals that end a command as Ctrl-C does, so that whatever it has started is ended first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from recbench.errors import RecbenchError

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class StoppedError(RecbenchError):
    """The command was ended from outside; its exit status is that of a shell for the signal."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted; what was finished is kept")
        self.exit_code = 128 + number


class _Signalled(KeyboardInterrupt):
    """A signal other than that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Have Ctrl-C and `SIGNALS` raise `StoppedError` out of the body, after it has cleaned up.

    A signal that is ignored, as under `nohup`, stays ignored.
    """
    heeded = [each for each in SIGNALS if signal.getsignal(each) == signal.SIG_DFL]
    for each in heeded:
        signal.signal(each, _stop)
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, _Signalled) else signal.SIGINT
        raise StoppedError(number) from error
    finally:
        for each in heeded:
            signal.signal(each, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in SIGNALS:  # a second one, such as follows when a session ends, must not cut it short
        signal.signal(each, signal.SIG_IGN)
    raise _Signalled(number)
