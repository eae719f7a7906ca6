"""Pages that hold a leaderboard: what stands between two marks is made from the records."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard.loading import load_records
from recbench.leaderboard.render import to_markdown
from recbench.leaderboard.table import tables
from recbench.record import RunRecord

_NONE = "There are no records yet.\n"
END = "<!-- end of leaderboard -->"
_BEGIN = r"<!-- leaderboard(?: of (?P<dataset>[\w.+@-]+))? -->"
_BOARD = re.compile(rf"(?P<begin>{_BEGIN}\n).*?(?={END})", re.DOTALL)


def make_pages(paths: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return the text that each page must have: its own, with every leaderboard in it made anew.

    A leaderboard stands between the lines `<!-- leaderboard -->`, or `<!-- leaderboard of DATASET
    -->` for one dataset alone, and `<!-- end of leaderboard -->`.

    Args:
        paths: Markdown files.
        root: The results folder.

    Raises:
        UsageError: If a page cannot be read or has no place for a leaderboard.
        RecbenchError: If a record or its predictions are damaged or missing: nothing is left out
            of a page in silence.
    """
    pages = {path: _read(path) for path in paths}
    records, problems = load_records(root)
    if problems:
        raise RecbenchError("\n".join(problems))
    return {path: _filled(text, records, root) for path, text in pages.items()}


def differences(pages: dict[Path, str]) -> str:
    """Return how the files differ from what they must be, as a diff; empty if they do not."""
    parts: list[str] = []
    for path, text in pages.items():
        old, new = _read(path).splitlines(keepends=True), text.splitlines(keepends=True)
        parts += difflib.unified_diff(old, new, f"{path}", f"{path} by the records", n=0)
    return "".join(parts)


def write_pages(pages: dict[Path, str]) -> None:
    """Write every page.

    Raises:
        RecbenchError: If one cannot be written.
    """
    for path, text in pages.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RecbenchError(f"cannot write {path}: {error.strerror}") from error


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the page {path}: {error}") from error
    if not _BOARD.search(text):
        raise UsageError(
            f"{path} has no place for a leaderboard; write the lines `<!-- leaderboard -->` and "
            f"`{END}` where it is to stand"
        )
    return text


def _filled(text: str, records: Sequence[RunRecord], root: Path) -> str:
    def board(found: re.Match[str]) -> str:
        made = tables(records, found["dataset"], root)
        for table in made:
            if table.uncertain:
                raise RecbenchError(f"{table.group.title} cannot be ranked: {table.uncertain}")
        return f"{found['begin']}\n{to_markdown(made) or _NONE}\n"

    return _BOARD.sub(board, text)
