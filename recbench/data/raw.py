"""Raw files: where the user put them, and how they are opened."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from recbench.data.card import Card
from recbench.errors import DataError

SUFFIXES = ("", ".gz", ".zip")


def locate(card: Card, folder: Path | None, protocol: str = "") -> Mapping[str, Path] | None:
    """Return the raw files that a protocol needs, or None if none of them is under `folder`.

    A file is looked for in the dataset's own folder and at the top, plain, as .gz and as .zip.
    Without a protocol it is the default one that counts.

    Raises:
        DataError: If only some of the files are there.
    """
    if card.paths:
        return _known(card, protocol or card.default_protocol)
    if folder is None:
        return None
    files = card.files_of(protocol or card.default_protocol)
    found = {role: _find(card.home, name, folder) for role, name in files.items()}
    present = {role: path for role, path in found.items() if path is not None}
    if not present:
        return None
    if missing := [card.files[role] for role in found if role not in present]:
        raise DataError(
            f"{card.name}: {', '.join(missing)} is missing beside "
            f"{next(iter(present.values()))}; get it from {card.source}"
        )
    return present


def missing_files(card: Card, folder: Path | None) -> DataError:
    """Return the error for a dataset whose raw files are not on this machine."""
    where = (
        f"there is none of them in {folder / card.home} or {folder}"
        if folder
        else "no data folder is set"
    )
    return DataError(
        f"{card.name}: the raw files ({', '.join(card.files.values())}) are needed, and {where}. "
        f"Get them from {card.source}, put them in DIR/{card.home}/, and set RECBENCH_DATA=DIR "
        "or pass --data-dir DIR"
    )


def unzipped(files: Mapping[str, Path], scratch: Path) -> Mapping[str, Path]:
    """Return the files with every .zip replaced by its one member, unpacked into `scratch`."""
    return {
        role: _unzip(path, scratch) if path.suffix == ".zip" else path
        for role, path in files.items()
    }


def _known(card: Card, protocol: str) -> Mapping[str, Path]:
    """Return the files whose places the card knows; `DataError` if one is gone or has changed."""
    paths = {role: card.paths[role] for role in card.files_of(protocol)}
    for role, path in paths.items():
        if not path.is_file() or path.stat().st_size != card.sizes[role]:
            what = "has changed since" if path.is_file() else "is not there any more since"
            raise DataError(
                f"{card.name}: {path} {what} it was imported; put it back, or import it again:\n"
                f"  {card.again}"
            )
    return paths


def _find(home: str, name: str, folder: Path) -> Path | None:
    for place in (folder / home, folder):
        for suffix in SUFFIXES:
            path = place / (name + suffix)
            if path.is_file():
                return path
    return None


def _unzip(path: Path, scratch: Path) -> Path:
    target = scratch / path.stem
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if Path(m.filename).name == path.stem]
            if len(members) != 1:
                raise DataError(f"{path} does not hold one file called {path.stem}; get it again")
            with archive.open(members[0]) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); get the file again") from error
    return target
