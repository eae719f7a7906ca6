"""Checksums of downloads that come without a published one: the first is the measure of the rest.

They are kept in the folder of raw files, in `.downloads.toml`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recbench.errors import DataError

FILE = ".downloads.toml"
CHUNK = 1 << 20


class Pins:
    """What has been downloaded to a folder, by path in it.

    Attributes:
        folder: The folder of raw files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def hold(self, file: Path, found: dict[str, Any], url: str) -> str:
        """Pin a file at its first download; return how a later one differs, or nothing.

        Args:
            file: The file under `folder`.
            found: Its checksum and size, as `sums` returns them.
            url: Where it came from.

        Raises:
            DataError: If the pins cannot be read.
        """
        pins, name = self._read(), file.relative_to(self.folder).as_posix()
        pin = pins.get(name)
        if pin is None:
            today = datetime.now(UTC).date().isoformat()
            pinned = {"sha256": found["sha256"], "bytes": found["bytes"]}
            self._write(pins | {name: pinned | {"url": url, "date": today}})
            return ""
        if (pin.get("sha256"), pin.get("bytes")) == (found["sha256"], found["bytes"]):
            return ""
        return (
            f"it differs from the first download, of {pin.get('date')}: {found['bytes']} bytes and "
            f"sha256 {found['sha256']}, then {pin.get('bytes')} and {pin.get('sha256')}; if the "
            f"publisher has replaced it, delete the entry '{name}' from {self._path}"
        )

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
            pins = tomllib.loads(text)
            if all(isinstance(pin, dict) for pin in pins.values()):
                return pins
            raise ValueError("an entry is no table")
        except ValueError as error:
            raise DataError(
                f"{self._path} cannot be read ({error}); mend it, or delete it to forget the "
                "checksums of earlier downloads"
            ) from error

    def _write(self, pins: dict[str, dict[str, Any]]) -> None:
        lines = []
        for name, pin in pins.items():
            entries = (f"{key} = {json.dumps(value)}" for key, value in pin.items())
            lines.append("\n".join((f"[{json.dumps(name)}]", *entries)))
        new = self._path.with_name(f"{FILE}.part")
        new.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        new.replace(self._path)


def sums(path: Path) -> dict[str, Any]:
    """Return the sha256, the md5 and the size (`bytes`) of a file."""
    size, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            sha256.update(chunk)
            md5.update(chunk)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest(), "bytes": size}
