"""Every dataset with raw files, on drawn files in its format and on damaged versions of them.

Nothing is named here: a new dataset of the entry points is tested as soon as `tests/rawfiles` has a
module that is called like its reader's and writes its files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rawfiles import damages
from rawfiles.damages import RawFile

from recbench.batch import Reads
from recbench.data import DataConfig, Dataset, PreparedDataset, open_loader, prepare, reading
from recbench.data.ingest import ingest
from recbench.data.named_files import naming
from recbench.data.table import ingest_table
from recbench.data.table_protocol import TableProtocol
from recbench.data.verify import verify_prepared
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import Plugin, discover, load_dataset
from recbench.progress import SILENT

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


@dataclass(frozen=True)
class Reading:
    """What was read of raw files: all that the rest of a preparation sees of them.

    Attributes:
        sizes: How many events, users and items, or rows there are.
        reports: What was left out.
        digest: Of all values.
    """

    sizes: tuple[int, ...]
    reports: tuple[object, ...]
    digest: str


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    """Return the database of all readings: to make one takes as long as to read a small file."""
    return duckdb.connect()


@contextmanager
def _empty_database(
    instance: duckdb.DuckDBPyConnection, path: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty database in memory, in place of one in the file `path`."""
    with instance.cursor() as db:
        db.execute("ATTACH ':memory:' AS empty; USE empty")
        try:
            yield db
        finally:
            db.execute("USE memory; DETACH empty")


def _read(dataset: Dataset, protocol: str, files: Mapping[str, Path], scratch: Path) -> Reading:
    """Read files as a preparation does, and go no further.

    Raises:
        DataError: If they are refused.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", partial(_empty_database, _instance()))
        return _reading(dataset, protocol, files, scratch)


def _reading(dataset: Dataset, protocol: str, files: Mapping[str, Path], scratch: Path) -> Reading:
    own = dataset.card.protocols[protocol]
    if isinstance(own, TableProtocol):
        with ingest_table(dataset, own, files, scratch, SILENT) as table:
            numbers = [column for part in table.parts.values() for column in part.columns.items()]
            digest = _digest(numbers, table.values)
            return Reading((table.rows,), tuple(table.rejected.reports), digest)
    label = next(iter(dataset.card.label_fields(own)), None)
    log = ingest(dataset, files, scratch, SILENT, label)
    with log.spool:
        texts = {"users": log.users, "items": log.items}
        texts |= {**log.user_fields, **log.item_fields, **log.contexts}
        sizes = len(log.spool.columns["user"]), len(log.users), len(log.items)
        reports = (*log.rejected.reports, log.out_of_range, *log.unmatched)
        vectors = {name: own.rows for name, own in log.vectors.items()}
        return Reading(sizes, reports, _digest({**log.spool.columns, **vectors}.items(), texts))


def _digest(numbers, texts) -> str:
    """Return the SHA-256 of named arrays of numbers and of named Arrow arrays."""
    digest = hashlib.sha256()
    for name, column in numbers:
        digest.update(name.encode() + column.tobytes())
    digest.update(repr({name: values.to_pylist() for name, values in texts.items()}).encode())
    return digest.hexdigest()


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
        formats = _formats(dataset, folder)
        files = {}
        for role, file in open_card.files.items():
            files[role] = RawFile((folder / file).read_bytes(), **formats.get(file, {}))
        return Drawn(dataset, files)

    return draw


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


@pytest.fixture(scope="session")
def sound(drawn, tmp_path_factory):
    """Return a function that reads the files of a dataset as they should be, once."""

    @cache
    def read_sound(name: str, protocol: str) -> Reading:
        folder = tmp_path_factory.mktemp("sound")
        whole = drawn(name)
        return _read(whole.dataset, protocol, whole.write(folder, protocol), folder)

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
            return _read(whole.dataset, protocol, files, folder)
    except DataError as error:
        names = [whole.dataset.card.files[role] for role in changed]
        named = any(re.search(rf"{re.escape(str(folder))}\S*{name}", str(error)) for name in names)
        assert named, f"no file is named: {error}"
        return None
