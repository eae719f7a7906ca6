"""A dataset on raw files that are drawn in its format, known down to how its reader reads them."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rawfiles.raw_file import RawFile
from recbench.data import Dataset, reading
from recbench.plugins import Plugin, load_dataset


@dataclass(frozen=True)
class Drawn:
    """A dataset whose raw files are drawn, the gate of its published counts open."""

    dataset: Dataset
    files: Mapping[str, RawFile]

    @property
    def protocols(self) -> list[str]:
        """Protocols that together read every file, the default one first."""
        chosen, read = [], set()
        for name in self.dataset.card.protocols:
            roles = set(self.dataset.card.files_of(name))
            if not roles <= read:
                chosen, read = [*chosen, name], read | roles
        return chosen

    def write(
        self, folder: Path, protocol: str, changed: Mapping[str, bytes] | None = None, end: str = ""
    ) -> dict[str, Path]:
        """Write a protocol's files, with `end` behind the names of those that are changed."""
        paths = {}
        folder = folder / self.dataset.card.home
        folder.mkdir(exist_ok=True)
        for role in self.dataset.card.files_of(protocol):
            own = changed is not None and role in changed
            paths[role] = folder / (self.dataset.card.files[role] + (end if own else ""))
            paths[role].write_bytes(changed[role] if own else self.files[role].data)
        return paths


def module_of(plugin: Plugin) -> str:
    """Return the name of the module here that draws the files of a dataset."""
    return "rawfiles." + plugin.target.partition(":")[0].rpartition(".")[2]


def draw(plugin: Plugin, folder: Path) -> Drawn:
    """Draw a dataset's files into a folder, and learn their format."""
    importlib.import_module(module_of(plugin)).write(folder, plugin.name)
    kind = type(load_dataset(plugin))
    open_card = dataclasses.replace(kind.card, counts=())
    dataset = type(kind.__name__, (kind,), {"card": open_card})()
    formats = _formats(dataset, folder)
    files = {}
    for role, file in open_card.files.items():
        files[role] = RawFile((folder / file).read_bytes(), **formats.get(file, {}))
    return Drawn(dataset, files)


def _formats(dataset: Dataset, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the reader tells `read_csv` of each file, by the file's name."""
    told: dict[str, dict[str, Any]] = {}
    read_csv = reading.read_csv

    def listen(db, table, path, columns, **options) -> None:
        told[path.name] = {"columns": tuple(columns), "types": tuple(columns.values()), **options}
        read_csv(db, table, path, columns, **options)

    with pytest.MonkeyPatch.context() as patch:
        for module in list(sys.modules.values()):
            if getattr(module, "read_csv", None) is read_csv:
                patch.setattr(module, "read_csv", listen)
        for protocol in dataset.card.protocols:
            files = dataset.card.files_of(protocol).items()
            with duckdb.connect() as db:
                dataset.read(db, {role: folder / name for role, name in files})
    return told
