"""Data for the benchmarks: tiny simulations, each prepared once."""

from collections.abc import Callable
from functools import cache

import pytest

from recbench.data import DataConfig, PreparedDataset, prepare
from recbench.folders import Folders
from recbench.plugins import find, load_dataset


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Callable[..., PreparedDataset]:
    """A function that prepares the tiny simulation of a dataset."""
    root = tmp_path_factory.mktemp("benchmarks")

    @cache
    def make(dataset: str, protocol: str = "") -> PreparedDataset:
        config = DataConfig(dataset, protocol, source="simulated", size="tiny")
        return prepare(load_dataset(find("dataset", dataset)), config, Folders(None, root, root))

    return make


@pytest.fixture(scope="session")
def taobao(simulated) -> PreparedDataset:
    return simulated("taobao")
