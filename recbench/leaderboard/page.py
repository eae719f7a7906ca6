"""Pages that hold a leaderboard: what stands between two marks is made from the records."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from recbench.errors import RecbenchError, UsageError, unknown_name
from recbench.leaderboard.loading import load_records
from recbench.leaderboard.render import to_markdown
from recbench.leaderboard.table import tables
from recbench.record import RunRecord

_NONE = "There are no records yet.\n"
END = "<!-- end of leaderboard -->"
_BEGIN = r"<!-- leaderboard(?: of (?P<dataset>[\w.+@-]+))? -->"
_MARK = r"^[ \t]*<!-- (?:end of )?leaderboard\b"
_BOARD = re.compile(
    rf"^(?P<begin>[ \t]*{_BEGIN}(?P<newline>\r?\n))(?:(?!{_MARK}).)*(?P<end>^[ \t]*{END})"
    rf"|(?P<stray>{_MARK}[^\r\n]*)",
    re.DOTALL | re.MULTILINE,
)
"""A leaderboard with its marks, or else a mark that lacks its partner."""


def make_pages(paths: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return the text that each page must have: its own, with every leaderboard in it made anew.

    A leaderboard stands between the lines `<!-- leaderboard -->`, or `<!-- leaderboard of DATASET
    -->` for one dataset alone, and `<!-- end of leaderboard -->`.

    Args:
        paths: Markdown files.
        root: The results folder.

    Raises:
        UsageError: If a page cannot be read, has no place for a leaderboard or a mark without its
            partner, or asks for a dataset of which there is no record while there are others.
        RecbenchError: If a record, its predictions or a study are damaged or missing: nothing is
            left out of a page in silence.
    """
    pages = {path: _read(path) for path in paths}
    records, problems = load_records(root)
    if problems:
        raise RecbenchError("\n".join(problems))
    return {path: _filled(path, text, records, root) for path, text in pages.items()}


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
            path.write_bytes(text.encode())
        except OSError as error:
            raise RecbenchError(f"cannot write {path}: {error.strerror}") from error


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode()  # with the line ends that it has
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the page {path}: {error}") from error
    if not _BOARD.search(text):
        raise UsageError(
            f"{path} has no place for a leaderboard; write the lines `<!-- leaderboard -->` and "
            f"`{END}` where it is to stand"
        )
    return text


def _filled(path: Path, text: str, records: Sequence[RunRecord], root: Path) -> str:
    names = {record.dataset.name for record in records}

    def board(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        if found["stray"]:
            raise UsageError(
                f"line {line} of {path} has no partner: {found['stray'].strip()}; a leaderboard "
                f"stands between `<!-- leaderboard -->` and `{END}`, each on a line of its own"
            )
        dataset, newline = found["dataset"], found["newline"]
        if dataset and names and dataset not in names:
            raise unknown_name(
                f"dataset on line {line} of {path}, of which there is no record:", dataset, names
            )
        made = tables(records, dataset, root)
        for table in made:
            table.require_sound()
        shown = f"\n{to_markdown(made) or _NONE}\n".replace("\n", newline)
        return f"{found['begin']}{shown}{found['end']}"

    return _BOARD.sub(board, text)
