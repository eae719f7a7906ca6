"""The datasets, with what their cards say, and whether their files are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from recbench.catalogue.names import by_name
from recbench.data import Card, locate
from recbench.data.raw import lacking
from recbench.errors import DataError, PluginError
from recbench.folders import Folders
from recbench.plugins import discover, imported, load_dataset


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset that can be asked for.

    Attributes:
        dataset: Its name.
        task: What its examples are for.
        protocols: How they can be made, with commas between, the default first.
        files: Whether its raw files are here, and for which protocols if not for all, or need not
            be: "incomplete" if some are here and for no protocol all.
        missing: For each protocol whose raw files are not all here, the names of the others.
        source: How they are to be had.
        distribution: The distribution that registers it.
        version: The distribution's version.
        origin: Where its code is, or "built-in".
        broken: Why it cannot be used; empty if nothing is known against it.
    """

    dataset: str
    task: str = ""
    protocols: str = ""
    files: str = ""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""
    distribution: str = ""
    version: str = ""
    origin: str = ""
    broken: str = ""


def datasets(folders: Folders, names: Iterable[str] = ()) -> list[DatasetEntry]:
    """Return the datasets of these names, or all; their cards, and with them they, are imported.

    Raises:
        UsageError: If there is none of a name.
    """
    found = []
    plugins = [*discover("dataset"), *imported(folders)]
    for plugin, broken in by_name("dataset", plugins, tuple(names)):
        entry = DatasetEntry(
            plugin.name, distribution=plugin.distribution, version=plugin.version, broken=broken
        )
        try:
            entry = replace(entry, origin=plugin.origin)
            entry = entry if broken else _carded(entry, load_dataset(plugin).card, folders.raw)
        except (DataError, PluginError) as error:
            entry = replace(entry, broken=entry.broken or str(error))
        found.append(entry)
    return found


def _carded(entry: DatasetEntry, card: Card, folder: Path) -> DatasetEntry:
    """Add what the dataset's card tells."""
    entry = replace(
        entry, task=card.task, protocols=", ".join(card.protocols), source=_source(card)
    )
    if card.paths:
        try:
            locate(card, folder)
        except DataError as error:
            return replace(entry, files="incomplete", broken=str(error))
        return replace(entry, files="here")
    missing = {name: lacking(card, folder, name) for name in card.protocols if card.files}
    return replace(
        entry,
        files=_presence(card, missing),
        missing={name: files for name, files in missing.items() if files},
    )


def _source(card: Card) -> str:
    """Return how the files are to be had."""
    if not card.files:
        return "none needed"
    if card.paths:
        return "your own"
    return "download" if card.downloads else "by hand"


def _presence(card: Card, missing: Mapping[str, tuple[str, ...]]) -> str:
    """Return whether a dataset's files are here, given those that each protocol lacks."""
    if not card.files:
        return "simulator"
    ready = [name for name, files in missing.items() if not files]
    if ready:
        there = "here" if len(ready) == len(missing) else f"here for {', '.join(ready)}"
    else:
        whole = all(set(card.files_of(name).values()) == {*missing[name]} for name in missing)
        there = "missing" if whole else "incomplete"
    return f"{there} (simulator)" if card.simulated_sizes else there
