"""Every dataset with raw files, on drawn files in its format and on damaged versions of them.

Nothing is named here: a new dataset of the entry points is tested as soon as `tests/rawfiles` has a
module that is called like its reader's and writes its files.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rawfiles import damages
from rawfiles.damages import RawFile

from recbench.batch import Reads
from recbench.data import DataConfig, Dataset, PreparedDataset, open_loader, prepare, reading
from recbench.data.fingerprint_pins import RAW_COUNTS
from recbench.data.verify import verify_prepared
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import Plugin, discover, load_dataset

READERS = {plugin.name: plugin for plugin in discover("dataset") if load_dataset(plugin).card.files}


def _module(plugin: Plugin) -> str:
    return "rawfiles." + plugin.target.partition(":")[0].rpartition(".")[2]


WRITTEN = [name for name, plugin in READERS.items() if importlib.util.find_spec(_module(plugin))]
"""Datasets whose files can be drawn."""
FIRST = list({_module(READERS[name]): name for name in reversed(WRITTEN)}.values())[::-1]
"""A dataset of each reader: what one reader does to damaged files, it does in all its datasets."""
PROTOCOLS = [
    (name, each) for name in WRITTEN for each in load_dataset(READERS[name]).card.protocols
]


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

    def prepared(
        self, folder: Path, protocol: str, changed: Mapping[str, bytes], suffix: str = ""
    ) -> PreparedDataset:
        """Prepare the files, some of which are changed, in an empty folder."""
        raw = folder / "raw"
        raw.mkdir()
        for role in self.dataset.card.files_of(protocol):
            ending = suffix if role in changed else ""
            path = raw / (self.dataset.card.files[role] + ending)
            path.write_bytes(changed.get(role, self.files[role].data))
        config = DataConfig(self.dataset.card.name, protocol, source="real")
        return prepare(self.dataset, config, Folders(raw, folder / "cache", folder))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Callable[[str], Drawn]:
    """Return a function that draws the files of a dataset, once, and learns their format."""

    @cache
    def draw(name: str) -> Drawn:
        plugin = READERS[name]
        folder = tmp_path_factory.mktemp(name)
        importlib.import_module(_module(plugin)).write(folder, name)
        kind = type(load_dataset(plugin))
        open_card = dataclasses.replace(kind.card, counts=())
        dataset = type(kind.__name__, (kind,), {"card": open_card})()
        formats = _formats(dataset, folder, tmp_path_factory)
        files = {}
        for role, file in open_card.files.items():
            files[role] = RawFile((folder / file).read_bytes(), **formats.get(file, {}))
        return Drawn(dataset, files)

    return draw


def _formats(dataset: Dataset, folder: Path, factory) -> dict[str, dict[str, Any]]:
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
            own = factory.mktemp("format")
            config = DataConfig(dataset.card.name, protocol, source="real")
            prepare(dataset, config, Folders(folder, own, own))
    return told


@pytest.fixture(scope="session")
def clean(drawn, tmp_path_factory):
    """Return a function that prepares the files of a dataset as they should be, once."""

    @cache
    def prepare_clean(name: str, protocol: str) -> PreparedDataset:
        return drawn(name).prepared(tmp_path_factory.mktemp("clean"), protocol, {})

    return prepare_clean


def test_every_dataset_has_drawn_files():
    assert not [name for name in READERS if name not in WRITTEN], "tests/rawfiles lacks a module"


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_prepares_verifies_and_loads_a_batch(clean, name, protocol):
    prepared = clean(name, protocol)
    assert verify_prepared(prepared.folder) == []
    assert all(prepared.manifest.counts[part] for part in ("train", "valid", "test"))
    loader = open_loader(prepared, prepared.part("train"), Reads(), batch_size=8)
    assert len(next(iter(loader))) > 0


@pytest.mark.parametrize("damage", damages.SAME, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_what_changes_no_row_changes_nothing(drawn, clean, name, damage, tmp_path):
    whole = drawn(name)
    for protocol in whole.protocols:
        found = _outcome(whole, protocol, damage, whole.files, tmp_path / protocol)
        assert found, "a file is refused"
        assert found.fingerprints == clean(name, protocol).manifest.fingerprints
        assert found.reports == clean(name, protocol).manifest.reports


@pytest.mark.parametrize("damage", damages.LOST, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_what_is_lost_is_refused_or_counted(drawn, clean, name, damage, tmp_path):
    def right(found, sound):
        return found.reports != sound.reports or found.fingerprints == sound.fingerprints

    _each_file(drawn(name), clean, damage, right, tmp_path)


@pytest.mark.parametrize("damage", damages.BROKEN, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_broken_archives_are_refused(drawn, clean, name, damage, tmp_path):
    _each_file(drawn(name), clean, damage, lambda *_: False, tmp_path)


@pytest.mark.parametrize("damage", damages.KEPT, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_odd_rows_are_kept_or_refused(drawn, clean, name, damage, tmp_path):
    def right(found, sound):
        return all(map(operator.ge, _sizes(found), _sizes(sound)))

    _each_file(drawn(name), clean, damage, right, tmp_path)


@pytest.mark.parametrize("damage", damages.RENAMED, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_any_whole_number_is_an_id(drawn, clean, name, damage, tmp_path):
    whole = drawn(name)
    for protocol in whole.protocols:
        found = _outcome(whole, protocol, damage, whole.files, tmp_path / protocol)
        sound = clean(name, protocol).manifest
        assert not found or _sizes(found) == _sizes(sound)


def _sizes(manifest) -> list[int]:
    """Return the counts of raw things that a manifest has."""
    return [manifest.counts[size] for size in RAW_COUNTS if size in manifest.counts]


def _each_file(whole: Drawn, clean, damage, right, folder: Path) -> None:
    """Damage one file after the other, and require that the outcome is right or an error."""
    for role, file in whole.files.items():
        if damage(file) in (None, file.data):
            continue
        protocol = next(
            name for name in whole.protocols if role in whole.dataset.card.files_of(name)
        )
        found = _outcome(whole, protocol, damage, {role}, folder / role)
        sound = clean(whole.dataset.card.name, protocol).manifest
        assert not found or right(found, sound), f"{role}: {found.counts}, {found.reports}"


def _outcome(whole: Drawn, protocol: str, damage, roles: Iterable[str], folder: Path):
    """Return the manifest of what is prepared, or None if a file is refused as it should be."""
    changed = {role: damage(whole.files[role]) for role in roles}
    changed = {role: data for role, data in changed.items() if data is not None}
    folder.mkdir()
    try:
        suffix = ".gz" if damages.gzipped(damage) else ""
        prepared = whole.prepared(folder, protocol, changed, suffix)
    except DataError as error:
        names = [whole.dataset.card.files[role] for role in changed]
        named = any(re.search(rf"{re.escape(str(folder))}\S*{name}", str(error)) for name in names)
        assert named, f"no file is named: {error}"
        return None
    assert verify_prepared(prepared.folder) == []
    return prepared.manifest
