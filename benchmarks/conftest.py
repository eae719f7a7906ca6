"""Data for the benchmarks: the tiny simulated Taobao, prepared once."""

import pytest

from recbench.data import DataConfig, PreparedDataset, prepare
from recbench.folders import Folders
from recbench.plugins import find, load_dataset


@pytest.fixture(scope="session")
def taobao(tmp_path_factory) -> PreparedDataset:
    root = tmp_path_factory.mktemp("benchmarks")
    config = DataConfig("taobao", source="simulated", size="tiny")
    return prepare(load_dataset(find("dataset", "taobao")), config, Folders(None, root, root))
