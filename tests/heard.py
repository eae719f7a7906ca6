"""A progress that keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from recbench.progress import Bar, Progress


class HeardBar(Bar):
    """Keeps what one piece of work tells.

    Attributes:
        label, total, unit: What it was announced with.
        done: How much of it is done.
        figures: Those of each advance.
    """

    def __init__(self, label: str, total: float, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0.0
        self.figures: list[dict[str, float]] = []

    def advance(self, amount: float, **figures: float) -> None:
        """Keep an advance."""
        self.done += amount
        self.figures.append(figures)


class Heard(Progress):
    """Keeps what is noted, warned of and done, each in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.bars: list[HeardBar] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)

    @contextmanager
    def bar(self, label: str, total: float, unit: str) -> Iterator[HeardBar]:
        """Keep a piece of work."""
        self.bars.append(HeardBar(label, total, unit))
        yield self.bars[-1]

    def about(self, word: str) -> list[str]:
        """Return the notes that have a word."""
        return [note for note in self.notes if word in note]
