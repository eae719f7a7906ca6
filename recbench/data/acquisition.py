"""Raw files that are not here yet: which of them can be downloaded, when, and where to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from recbench.data.card import Card, Dataset
from recbench.data.config import DataConfig
from recbench.data.download import Download, fetch
from recbench.data.hdf5 import require_readable
from recbench.data.lock import only_one
from recbench.data.pins import Pins
from recbench.data.raw import find, names
from recbench.errors import DataError, UsageError
from recbench.folders import Folders
from recbench.progress import SILENT, Progress


def obtain(
    dataset: Dataset, config: DataConfig, folders: Folders, progress: Progress = SILENT
) -> None:
    """Download the raw files that `config` needs, where they are not here and can be had.

    They go to `folders.raw`. Nothing happens if `RECBENCH_OFFLINE` is set.

    Raises:
        UsageError: If the protocol does not exist, or a package that reads the files is lacking.
        DataError: If that fails, unless simulated data may take their place: then it is a warning.
    """
    card = dataset.card
    if config.source == "simulated" or offline():
        return
    roles = card.files_of(card.protocol_name(config.protocol))
    files = _missing(card, roles, folders.raw)
    needed = [download for download in files.values() if download is not None]
    if len(needed) < len(files):
        return  # then the rest is of no use: a person has to get some of them
    if needed:
        require_readable(roles.values())
    try:
        _fetch_all(card, needed, folders.raw, progress)
    except DataError as error:
        if config.source == "real" or not card.simulated_sizes:
            raise
        progress.warn(f"{card.name}: the real files are not here. {error}")


def download_files(card: Card, folders: Folders, progress: Progress = SILENT) -> list[Path]:
    """Download all raw files of a dataset that are not here; return where its files are.

    Raises:
        UsageError: If the dataset has no files or a user's own, or downloads are forbidden.
        DataError: If a download fails, or the files that need a login leave no protocol possible.
    """
    if not card.files:
        raise UsageError(f"{card.name} is always simulated; it has no files to download")
    if card.paths:
        own = ", ".join(map(str, card.paths.values()))
        raise UsageError(f"{card.name} was imported; its files are your own: {own}")
    files = _missing(card, card.files, folders.raw)
    needed = [download for download in files.values() if download is not None]
    if needed and offline():
        raise UsageError("RECBENCH_OFFLINE is set, which forbids downloads; unset it")
    _fetch_all(card, needed, folders.raw, progress)
    here = {role: path for role in card.files if (path := find(card, role, folders.raw))}
    if not any(here.keys() >= card.files_of(protocol).keys() for protocol in card.protocols):
        by_hand = [name for role, name in card.files.items() if role not in here]
        raise DataError(
            f"{card.name}: {', '.join(by_hand)} cannot be downloaded without you: get it from "
            f"{card.source} and put it in {folders.raw / card.home}"
        )
    return list(dict.fromkeys(here.values()))


def offline() -> bool:
    """Return whether downloads are forbidden."""
    return os.environ.get("RECBENCH_OFFLINE", "") not in ("", "0")


def _missing(card: Card, roles: Iterable[str], folder: Path) -> dict[str, Download | None]:
    """Return the files that are not here by role, each with the download that has it, if any."""
    return {
        role: next((each for each in card.downloads if each.file in names(card, role)), None)
        for role in roles
        if find(card, role, folder) is None
    }


def _fetch_all(card: Card, downloads: Iterable[Download], folder: Path, progress: Progress) -> None:
    for download in dict.fromkeys(downloads):
        target = (folder if download.shared else folder / card.home) / download.file
        try:
            with only_one(folder / ".downloads.lock", f"downloading to {folder}", progress):
                if not target.is_file():
                    fetch(download, target, Pins(folder), progress)
        except OSError as error:
            raise DataError(
                f"{download.file} cannot be written to {target.parent} ({error}); name another "
                "folder (RECBENCH_DATA or --data-dir)"
            ) from error
