"""Every dataset with raw files, on drawn files in its format and on damaged versions of them.

Nothing is named here: a new dataset of the entry points is tested as soon as `tests/rawfiles` has a
module that is called like its reader's and writes its files.
"""

from __future__ import annotations

import importlib.util
import operator
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from rawfiles import damages
from rawfiles.drawn import Drawn, draw, module_of
from rawfiles.reading import Reading, read

from recbench.batch import Reads
from recbench.data import DataConfig, Dataset, PreparedDataset, open_loader, prepare
from recbench.data.named_files import naming
from recbench.data.verify import verify_prepared
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import discover, load_dataset

READERS = {plugin.name: plugin for plugin in discover("dataset") if load_dataset(plugin).card.files}
WRITTEN = [name for name, plugin in READERS.items() if importlib.util.find_spec(module_of(plugin))]
"""Datasets whose files can be drawn."""
FIRST = list({module_of(READERS[name]): name for name in reversed(WRITTEN)}.values())[::-1]
"""A dataset of each reader: what one reader does to damaged files, it does in all its datasets."""
PROTOCOLS = [
    (name, each) for name in WRITTEN for each in load_dataset(READERS[name]).card.protocols
]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Callable[[str], Drawn]:
    """Return a function that draws the files of a dataset, once, and learns their format."""

    @cache
    def once(name: str) -> Drawn:
        return draw(READERS[name], tmp_path_factory.mktemp(name))

    return once


@pytest.fixture(scope="session")
def sound(drawn, tmp_path_factory):
    """Return a function that reads the files of a dataset as they should be, once."""

    @cache
    def read_sound(name: str, protocol: str) -> Reading:
        folder = tmp_path_factory.mktemp("sound")
        whole = drawn(name)
        return read(whole.dataset, protocol, whole.write(folder, protocol), folder)

    return read_sound


def test_every_dataset_has_drawn_files():
    assert not [name for name in READERS if name not in WRITTEN], "tests/rawfiles lacks a module"


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_prepares_verifies_and_loads_a_batch(drawn, name, protocol, tmp_path):
    whole = drawn(name)
    whole.write(tmp_path, protocol)
    prepared = _prepare(whole.dataset, protocol, tmp_path)
    assert verify_prepared(prepared.folder) == []
    assert all(prepared.manifest.counts[part] for part in ("train", "valid", "test"))
    loader = open_loader(prepared, prepared.part("train"), Reads(), batch_size=8)
    assert len(next(iter(loader))) > 0


@pytest.mark.parametrize("damage", damages.SAME, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_what_changes_no_row_changes_nothing(drawn, sound, name, damage, tmp_path):
    whole = drawn(name)
    for protocol in whole.protocols:
        found = _outcome(whole, protocol, damage, whole.files, tmp_path / protocol)
        assert found, "a file is refused"
        assert found == sound(name, protocol)


@pytest.mark.parametrize("damage", damages.LOST, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_what_is_lost_is_refused_or_counted(drawn, sound, name, damage, tmp_path):
    def right(found, whole):
        return found.reports != whole.reports or found == whole

    _each_file(drawn(name), sound, damage, right, tmp_path)


@pytest.mark.parametrize("damage", damages.BROKEN, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_broken_archives_are_refused(drawn, sound, name, damage, tmp_path):
    _each_file(drawn(name), sound, damage, lambda *_: False, tmp_path)


@pytest.mark.parametrize("damage", damages.KEPT, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_odd_rows_are_kept_or_refused(drawn, sound, name, damage, tmp_path):
    def right(found, whole):
        return all(map(operator.ge, found.sizes, whole.sizes))

    _each_file(drawn(name), sound, damage, right, tmp_path)


IN_ORDER_OF_IDS = {("yoochoose-1-64", "stamp"), ("yoochoose-1-4", "stamp")}
"""Protocols whose selection depends on the order of ids, so that other ids select other rows."""


@pytest.mark.parametrize("damage", damages.RENAMED, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FIRST)
def test_any_whole_number_is_an_id(drawn, sound, name, damage, tmp_path):
    whole = drawn(name)
    for protocol in whole.protocols:
        found = _outcome(whole, protocol, damage, whole.files, tmp_path / protocol)
        assert found, "a file is refused"
        if (name, protocol) not in IN_ORDER_OF_IDS:
            assert found.sizes == sound(name, protocol).sizes


def _prepare(dataset: Dataset, protocol: str, folder: Path) -> PreparedDataset:
    config = DataConfig(dataset.card.name, protocol, source="real")
    return prepare(dataset, config, Folders(folder, folder / "cache", folder))


def _each_file(whole: Drawn, sound, damage, right, folder: Path) -> None:
    """Damage one file after the other, and require that the outcome is right or an error."""
    for role, file in whole.files.items():
        if damage(file) in (None, file.data):
            continue
        protocol = next(
            name for name in whole.protocols if role in whole.dataset.card.files_of(name)
        )
        found = _outcome(whole, protocol, damage, {role}, folder / role)
        if found and not right(found, sound(whole.dataset.card.name, protocol)):
            with pytest.raises(DataError):  # too little is left for the protocol
                _prepare(whole.dataset, protocol, folder / role)


def _outcome(whole: Drawn, protocol: str, damage, roles: Iterable[str], folder: Path):
    """Return what is read of damaged files, or None if one is refused as it should be."""
    changed = {role: damage(whole.files[role]) for role in roles}
    changed = {role: data for role, data in changed.items() if data is not None}
    folder.mkdir()
    files = whole.write(folder, protocol, changed, ".gz" if damages.gzipped(damage) else "")
    try:
        with naming(files):
            return read(whole.dataset, protocol, files, folder)
    except DataError as error:
        names = [whole.dataset.card.files[role] for role in changed]
        named = any(re.search(rf"{re.escape(str(folder))}\S*{name}", str(error)) for name in names)
        assert named, f"no file is named: {error}"
        return None
