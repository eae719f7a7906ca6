"""Where raw files, prepared data and records live."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The only places that recbench reads from and writes to.

    Attributes:
        data: Raw files, a folder for each dataset; None if the user named none.
        cache: Prepared data.
        results: Records and the state of unfinished runs.
    """

    data: Path | None
    cache: Path
    results: Path

    @property
    def raw(self) -> Path:
        """Where raw files are looked for and downloaded to: `data`, else a folder in the cache."""
        return self.data or self.cache / "raw"

    @property
    def cards(self) -> Path:
        """Where the cards of imported data are, a folder for each."""
        return self.data or _platform_data()

    @staticmethod
    def from_environment(
        data: Path | None = None, cache: Path | None = None, results: Path | None = None
    ) -> Folders:
        """Return the given folders, else those of `RECBENCH_DATA`, `_CACHE` and `_RESULTS`.

        A variable that is empty counts as not set.
        """
        environment = os.environ
        if data is None and (named := environment.get("RECBENCH_DATA")):
            data = Path(named)
        cache = cache or Path(environment.get("RECBENCH_CACHE") or _platform_cache())
        results = results or Path(environment.get("RECBENCH_RESULTS") or "results")
        return Folders(data, cache, results)


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "recbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "recbench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recbench"


def _platform_data() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "recbench" / "data"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "recbench"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "recbench"
