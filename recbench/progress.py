"""How long work reports itself; the base class is silent, the command line draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Bar:
    """One piece of work with a known amount; silent unless drawn by a subclass."""

    def advance(self, amount: float, **figures: float) -> None:
        """Report `amount` more done, with the latest value of any figure worth watching."""


class Progress:
    """Receives what long work has to say."""

    def note(self, text: str) -> None:
        """Say one line that stays."""

    def warn(self, text: str) -> None:
        """Say one line that must not be missed."""

    @contextmanager
    def bar(self, label: str, total: float, unit: str) -> Iterator[Bar]:
        """Show `label` while the body runs; `total` and `Bar.advance` count in `unit`."""
        yield Bar()


SILENT = Progress()
