"""Raw files: where the user put them, and how they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recbench.data import archive
from recbench.data.card import Card
from recbench.errors import DataError
from recbench.progress import Progress

PLAIN = ("", ".gz")
"""What a file's name may end in that is read as it is."""


def locate(card: Card, folder: Path | None, protocol: str = "") -> Mapping[str, Path] | None:
    """Return the raw files that a protocol needs, or None if none of them is under `folder`.

    A file is looked for in the dataset's `places`: plain, as .gz, packed alone (.zip, .tar.gz,
    .7z), and within the archive that the card names for it, whose path then stands for the file's.
    Without a protocol it is the default one that counts.

    Raises:
        DataError: If only some of the files are there.
    """
    if card.paths:
        return _known(card, protocol or card.default_protocol)
    if folder is None:
        return None
    files = card.files_of(protocol or card.default_protocol)
    found = {role: find(card, role, folder) for role in files}
    present = {role: path for role, path in found.items() if path is not None}
    if not present:
        return None
    if missing := [card.files[role] for role in found if role not in present]:
        raise DataError(
            f"{card.name}: {', '.join(missing)} is missing beside "
            f"{next(iter(present.values()))}; get it from {card.source}{_others(card, folder)}"
        )
    return present


def lacking(card: Card, folder: Path, protocol: str) -> tuple[str, ...]:
    """Return the names of the raw files that a protocol needs and that are not under `folder`."""
    files = card.files_of(protocol)
    return tuple(
        dict.fromkeys(name for role, name in files.items() if find(card, role, folder) is None)
    )


def missing_files(card: Card, folder: Path | None, protocol: str) -> DataError:
    """Return the error for a protocol whose raw files are not on this machine."""
    where = (
        f"there is none of them in {' or '.join(map(str, places(card, folder)))}"
        if folder
        else "no data folder is set"
    )
    roles = card.files_of(protocol)
    files = ", ".join(dict.fromkeys(roles.values()))
    offered = {download.file for download in card.downloads}
    all_of_them = all(offered.intersection(names(card, role)) for role in roles)
    command = f"run recbench data download {card.name}, or get" if all_of_them else "Get"
    others = _others(card, folder) if folder else ""
    return DataError(
        f"{card.name}: the raw files ({files}) are needed, and {where}. "
        f"{command[0].upper()}{command[1:]} them from {card.source}, put them in DIR/{card.home}/, "
        f"and set RECBENCH_DATA=DIR or pass --data-dir DIR{others}"
    )


def _others(card: Card, folder: Path) -> str:
    """Return what is to be said of other protocols, of which all files are here; or nothing."""
    ready = [name for name in card.protocols if not lacking(card, folder, name)]
    return f". Those of --protocol {' or '.join(ready)} are here" if ready else ""


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


def find(card: Card, role: str, folder: Path) -> Path | None:
    """Return the file of a role, or the archive that holds it; None if neither is there."""
    for place in places(card, folder):
        for name in names(card, role):
            if (path := place / name).is_file():
                return path
    return None


def places(card: Card, folder: Path) -> tuple[Path, ...]:
    """Return the folders where a dataset's files may lie, best first: its own and the data folder.

    The latter may hold another dataset's ratings.csv. Where only the folder's published name tells
    whose files they are, and no count does, it must have that name.
    """
    home = folder / card.home
    told = card.counts or not card.folder or folder.resolve().name == card.folder
    return (home, folder) if told else (home,)


def names(card: Card, role: str) -> tuple[str, ...]:
    """Return the names that a role's file, or an archive that holds it, may have; best first."""
    forms = tuple(card.files[role] + suffix for suffix in (*PLAIN, *archive.SUFFIXES))
    return (*forms, card.archives[role]) if role in card.archives else forms


def unpacked(
    card: Card, files: Mapping[str, Path], scratch: Path, progress: Progress
) -> Mapping[str, Path]:
    """Return the files with every one that lies in an archive unpacked into `scratch`.

    Raises:
        DataError: If an archive is damaged, not to be trusted, or does not hold its files.
    """
    packed: dict[Path, list[str]] = {}
    for role, path in files.items():
        if path.name not in {card.files[role] + suffix for suffix in PLAIN}:
            packed.setdefault(path, []).append(card.files[role])
    out = {
        path: archive.unpack(path, members, scratch, progress) for path, members in packed.items()
    }
    return {
        role: out[path][card.files[role]] if path in out else path for role, path in files.items()
    }
