"""The failures a user can cause or mend; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RecbenchError(Exception):
    """A failure with a known cause. Its text says what failed, where, and how to mend it."""

    exit_code = 1


class UsageError(RecbenchError):
    """The command or configuration asks for something that does not exist or cannot be."""

    exit_code = 2


class DataError(RecbenchError):
    """A data file is missing, damaged or does not hold what its card promises."""


class PluginError(RecbenchError):
    """A plugin cannot be found, loaded, or breaks the plugin contract."""


class ChangedCodeError(PluginError):
    """A plugin's code is no longer what it was when the work began."""


class TrainingError(RecbenchError):
    """Training cannot go on: the loss is not finite, or the data leaves nothing to learn from."""


class UnwritableError(RecbenchError):
    """A file cannot be written: the disk is full, or the folder may not be written to."""


class OutOfMemoryError(RecbenchError):
    """The memory of the host or of a device is not enough for what was asked."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not among `known`, with the nearest right ones."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names) or '-'}"
    return UsageError(f"unknown {kind} '{name}'; {hint}")
