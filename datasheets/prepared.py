"""Every way to prepare the built-in datasets on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recbench.data import DataConfig, Dataset, PreparedDataset, locate, prepare
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import discover, load_dataset


def built_in() -> list[Dataset]:
    """Return recbench's own datasets, by name."""
    plugins = [plugin for plugin in discover("dataset") if plugin.distribution == "recbench"]
    return [load_dataset(plugin) for plugin in plugins]


def configs(dataset: Dataset, data: Path | None, sizes: tuple[str, ...]) -> Iterator[DataConfig]:
    """Yield what can be prepared of a dataset: real files that are in `data`, and simulations."""
    card = dataset.card
    for protocol in card.protocols:
        if _here(dataset, data, protocol):
            yield DataConfig(card.name, protocol, "real")
        for size in sizes:
            if size in card.simulated_sizes:
                yield DataConfig(card.name, protocol, "simulated", size)


def prepared(
    dataset: Dataset, data: Path | None, cache: Path, sizes: tuple[str, ...]
) -> Iterator[PreparedDataset]:
    """Prepare and yield all of these."""
    folders = Folders(data, cache, cache)
    for config in configs(dataset, data, sizes):
        yield prepare(dataset, config, folders)


def _here(dataset: Dataset, data: Path | None, protocol: str) -> bool:
    try:
        return bool(dataset.card.files and locate(dataset.card, data, protocol))
    except DataError:  # some of the files
        return False
