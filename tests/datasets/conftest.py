from __future__ import annotations

import copy
import dataclasses
from functools import cache

import numpy as np
import pytest
from behaviour_log import Simulated, simulate_log

from recbench.data import DataConfig, prepare
from recbench.data.ingest import ingest
from recbench.data.table import ingest_table
from recbench.datasets.simulated import BehaviourSimulation
from recbench.folders import Folders
from recbench.progress import SILENT


@pytest.fixture
def prepare_real(raw_data, tmp_path):
    """Return a function that prepares a dataset's real files."""

    def make(dataset, protocol=""):
        config = DataConfig(dataset.card.name, protocol, source="real")
        return prepare(dataset, config, Folders(raw_data, tmp_path / "cache", tmp_path))

    return make


@pytest.fixture
def read(tmp_path):
    """Return a function that ingests a dataset from the text or bytes of its files by role."""

    def make(dataset, **files):
        paths = {}
        for role, content in files.items():
            paths[role] = tmp_path / dataset.card.files[role]
            paths[role].write_bytes(content if isinstance(content, bytes) else content.encode())
        return ingest(dataset, paths, tmp_path, SILENT)

    return make


@pytest.fixture
def read_rows(tmp_path):
    """Return a function that reads a table from the text of its files by role, and decodes it.

    It takes the dataset, a protocol and the texts, and returns its rows, ordered as in the files,
    as a list for each column, and the rows that could not be read.
    """

    def make(dataset, protocol, **files):
        paths = {}
        for role, content in files.items():
            paths[role] = tmp_path / dataset.card.files[role]
            paths[role].write_text(content)
        with ingest_table(dataset, protocol, paths, tmp_path, SILENT) as table:
            order = np.argsort(np.concatenate([p.columns["row"] for p in table.parts.values()]))
            columns = {}
            for name in table.parts["train"].columns:
                whole = np.concatenate([p.columns[name] for p in table.parts.values()])[order]
                columns[name] = whole.tolist()
                if name in table.values:
                    raw = [None, None, *table.values[name].to_pylist()]
                    columns[name] = [raw[each] for each in columns[name]]
        return columns, table.rejected

    return make


@pytest.fixture
def prepare_drawn(tmp_path):
    """Return a function that prepares a dataset's drawn files, whatever their counts.

    It takes the dataset, the module of `rawfiles` and the protocol.
    """

    def make(dataset, rawfiles, protocol=""):
        drawn, raw = copy.copy(dataset), tmp_path / "raw"
        drawn.card = dataclasses.replace(dataset.card, counts=())
        home = raw / dataset.card.home
        home.mkdir(parents=True, exist_ok=True)
        rawfiles.write(home, dataset.card.name)
        config = DataConfig(dataset.card.name, protocol, source="real")
        return prepare(drawn, config, Folders(raw, tmp_path / "cache", tmp_path))

    return make


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """Return a function that simulates a log of behaviour, once."""

    @cache
    def make(simulation: BehaviourSimulation) -> Simulated:
        return simulate_log(simulation, tmp_path_factory.mktemp("simulated"))

    return make
