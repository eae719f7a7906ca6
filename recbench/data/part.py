"""A download that is not whole yet, and what of it a server may continue."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO


class Part:
    """The file `NAME.part` beside the target, and `NAME.part.json`, which says what it is of.

    Attributes:
        target: The file it is to be.
        path: Where it is.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def headers(self, url: str, *, unchanged: bool) -> Mapping[str, str]:
        """Return what asks a server for the rest; nothing if the file must begin anew.

        Without a checksum a part is continued only where it came from, and only if the server can
        tell that its file is still the same.

        Args:
            url: Where to ask.
            unchanged: Whether a checksum would tell that the pieces do not fit together.
        """
        if not self.size:
            return {}
        asked = {"Range": f"bytes={self.size}-"}
        try:
            origin = json.loads(self._origin.read_text(encoding="utf-8"))
            if origin["url"] == url and origin["mark"]:
                return {**asked, "If-Range": str(origin["mark"])}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # it was not begun by this version, or is damaged
        return asked if unchanged else {}

    def begin(self, url: str, headers: Message, start: int) -> None:
        """Note where bytes from `start` on come from; those before are kept."""
        tag = headers.get("ETag", "")
        mark = headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
        if not start:
            self.discard()
        self._origin.write_text(json.dumps({"url": url, "mark": mark}), encoding="utf-8")

    def open(self, start: int) -> IO[bytes]:
        """Open it to append at `start`, or to write anew if that is 0."""
        return self.path.open("ab" if start else "wb")

    def discard(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def finish(self) -> None:
        """Make it the target."""
        self._origin.unlink(missing_ok=True)
        self.path.replace(self.target)


@dataclass(frozen=True)
class Range:
    """What of a file an answer holds: everything from `start` on.

    Attributes:
        start: Its first byte.
        total: Bytes of the whole file; 0 if the server does not say.
    """

    start: int
    total: int

    @staticmethod
    def of(status: int, headers: Message, asked: int) -> Range | None:
        """Return what an answer holds; None if that is not what begins at `asked`."""
        if status != 206:
            size = headers.get("Content-Length", "")
            return Range(0, int(size) if size.isdecimal() else 0)
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
        if said is None or int(said[1]) != asked or not asked:
            return None
        return Range(asked, 0 if said[2] == "*" else int(said[2]))

    @staticmethod
    def end(headers: Message) -> int:
        """Return the size of the file that an answer without any of it states; 0 if none."""
        said = re.fullmatch(r"bytes \*/(\d+)", headers.get("Content-Range", "").strip())
        return int(said[1]) if said else 0
