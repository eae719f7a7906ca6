from __future__ import annotations

import pytest

from recbench.data import DataConfig, prepare
from recbench.data.ingest import ingest
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
