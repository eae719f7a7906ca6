"""What child processes tell, on a progress: notes as they come, and a line for each run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from recbench.progress import Bar, Progress


class Relay:
    """Passes on what one child tells.

    Args:
        progress: Who is told.
        title: What goes before each note and bar; empty where only one child runs at a time.
    """

    def __init__(self, progress: Progress, title: str = "") -> None:
        self._progress, self._title = progress, title
        self._drawn, self._bar = ExitStack(), Bar()
        if title:
            self._draw("starting", 1, "")

    def tell(self, event: dict[str, Any]) -> None:
        """Pass one event on; what is no event of a progress is left out."""
        match event:
            case {"note": str(text)}:
                self._progress.note(self._titled(text))
            case {"warn": str(text)}:
                self._progress.warn(text)
            case {"bar": str(label), "total": int() | float() as total, "unit": str(unit)}:
                self._draw(label, total, unit)
            case {"advance": int() | float() as amount, "figures": dict(figures)}:
                self._bar.advance(amount, **figures)

    def close(self) -> None:
        """Remove the line."""
        self._drawn.close()

    def _draw(self, label: str, total: float, unit: str) -> None:
        self._drawn.close()
        self._drawn = ExitStack()
        self._bar = self._drawn.enter_context(self._progress.bar(self._titled(label), total, unit))

    def _titled(self, text: str) -> str:
        return f"{self._title}: {text}" if self._title else text
