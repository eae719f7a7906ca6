"""What is set for a whole process, and the code of a plugin may change: kept for what follows."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbench.device import VISIBLE

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command."""


@dataclass(frozen=True)
class Setting:
    """Something that is set for a whole process.

    Attributes:
        name: What it is, in words.
        get: Returns it.
        put: Sets it.
    """

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]


def _variables() -> dict[str, str]:
    """Return the environment variables that recbench reads."""
    return {k: v for k, v in os.environ.items() if k.startswith("RECBENCH_") or k == VISIBLE}


def _put_variables(values: dict[str, str]) -> None:
    for name in _variables().keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return None


def _put_folder(folder: Path | None) -> None:
    with suppress(OSError):
        os.chdir(folder or ".")


def _deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _put_deterministic(values: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(values[0], warn_only=values[1])


def _put_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _handlers() -> list[Any]:
    return [signal.getsignal(each) for each in SIGNALS]


def _put_handlers(handlers: list[Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # where none can have been set either
    for each, handler in zip(SIGNALS, handlers, strict=True):
        if handler is not None:  # None was not set by Python
            signal.signal(each, handler)


HANDLERS = Setting("what signals do", _handlers, _put_handlers)
SETTINGS = (
    Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("torch's default device", torch.get_default_device, _put_device),
    Setting("whether torch keeps gradients", torch.is_grad_enabled, torch.set_grad_enabled),
    Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting("torch's deterministic algorithms", _deterministic, _put_deterministic),
    Setting(
        "torch's precision of products",
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    Setting("NumPy's errors", np.geterr, lambda values: np.seterr(**values)),
    Setting("Python's recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("the current folder", _folder, _put_folder),
    Setting("recbench's environment variables", _variables, _put_variables),
    HANDLERS,
)


@contextmanager
def kept() -> Iterator[None]:
    """Put back after the body whatever of `SETTINGS` it has changed.

    Where it was stopped, what signals do is left to what has stopped it.
    """
    before = [each.get() for each in SETTINGS]
    stopped = False
    try:
        yield
    except KeyboardInterrupt:
        stopped = True
        raise
    finally:
        for each, value in zip(SETTINGS, before, strict=True):
            if each.get() != value and not (stopped and each is HANDLERS):
                each.put(value)
