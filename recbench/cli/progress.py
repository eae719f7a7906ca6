"""Progress on a terminal as bars, elsewhere as plain lines; always on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from recbench.progress import Bar, Progress


class TerminalProgress(Progress):
    """Draws bars, any number at a time, that vanish when their work is done; notes go above."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._warned: set[str] = set()
        self._open = 0
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
        )
        self._drawing = RichProgress(*columns, console=console, transient=True)

    def note(self, text: str) -> None:
        """Print one line."""
        self._console.print(escape(text), highlight=False)

    def warn(self, text: str) -> None:
        """Print a framed message, once."""
        if text not in self._warned:
            self._console.print(Panel(escape(text), border_style="yellow", highlight=False))
        self._warned.add(text)

    @contextmanager
    def bar(self, label: str, total: float, unit: str) -> Iterator[Bar]:
        """Draw a bar while the body runs."""
        if not self._open:
            self._drawing.start()
        self._open += 1
        task = self._drawing.add_task(escape(label), total=total, figures="")
        try:
            yield _TerminalBar(self._drawing, task, total, unit)
        finally:
            self._drawing.remove_task(task)
            self._open -= 1
            if not self._open:
                self._drawing.stop()


class _TerminalBar(Bar):
    def __init__(self, drawing: RichProgress, task: TaskID, total: float, unit: str) -> None:
        self._drawing, self._task, self._total, self._unit = drawing, task, total, unit
        self._done, self._started = 0.0, perf_counter()

    def advance(self, amount: float, **figures: float) -> None:
        """Move the bar."""
        self._done += amount
        shown = [f"{name} {value:.4f}" for name, value in figures.items()]
        if self._unit:
            speed = self._done / max(perf_counter() - self._started, 1e-9)
            amounts = f"{self._done:,.0f}/{self._total:,.0f} {self._unit}"
            shown.insert(0, f"{amounts}  {speed:,.0f}/s")
        self._drawing.update(self._task, advance=amount, figures="  ".join(shown))


class PlainProgress(Progress):
    """Prints notes as plain lines, and no bars."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._warned: set[str] = set()

    def note(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print one marked line, once."""
        if text not in self._warned:
            self.note(f"WARNING: {text}")
        self._warned.add(text)


def progress() -> Progress:
    """Return what suits standard error."""
    console = Console(stderr=True)
    return TerminalProgress(console) if console.is_terminal else PlainProgress(console)
