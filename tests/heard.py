"""A progress that keeps what it is told."""

from __future__ import annotations

from recbench.progress import Progress


class Heard(Progress):
    """Keeps what is noted, in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)

    def about(self, word: str) -> list[str]:
        """Return the notes that have a word."""
        return [note for note in self.notes if word in note]
