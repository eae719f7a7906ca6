"""Plugins: models and datasets found through entry points, imported only when named.

Datasets that a user imported, each a card in TOML, are found beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from recbench.errors import PluginError, unknown_name
from recbench.folders import Folders

if TYPE_CHECKING:
    from recbench.data import Dataset
    from recbench.model import Model

Kind = Literal["model", "dataset"]
T = TypeVar("T")

CARD = "recbench.toml"
"""Name of the card of an imported dataset, in a folder of the dataset's name."""
IMPORTED = "recbench.datasets.imported:Imported"
"""The class of all imported datasets; it takes the card's path."""


@dataclass(frozen=True)
class Plugin:
    """A model or dataset that a distribution offers.

    Attributes:
        kind: What it is.
        name: The name it is asked for by.
        target: Where its class is, as `module:Class`.
        distribution: The distribution that registers it; "imported" if a user's card does.
        version: The distribution's version.
        card: The card of an imported dataset; None for anything else.
    """

    kind: Kind
    name: str
    target: str
    distribution: str
    version: str
    card: Path | None = None


def discover(kind: Kind) -> list[Plugin]:
    """Return every registered plugin of a kind, by name, without importing any."""
    found = {
        _plugin(kind, point) for point in entry_points(group=f"recbench.{kind}s") if point.dist
    }
    return sorted(found, key=lambda plugin: (plugin.name, plugin.distribution))


def imported(folders: Folders) -> list[Plugin]:
    """Return the datasets that were imported into the data folder, by name, without reading any."""
    cards = sorted(folders.cards.glob(f"*/{CARD}"))
    return [Plugin("dataset", each.parent.name, IMPORTED, "imported", "", each) for each in cards]


def find(kind: Kind, name: str, folders: Folders | None = None) -> Plugin:
    """Return the plugin of that name; a dataset that was imported, if no distribution has it.

    Args:
        kind: What is looked for.
        name: Its name.
        folders: Where imported datasets are; as the environment says if not given.

    Raises:
        UsageError: If there is none.
        PluginError: If two distributions register the name.
    """
    plugins = discover(kind)
    found = [plugin for plugin in plugins if plugin.name == name]
    if not found and kind == "dataset":
        plugins += imported(folders or Folders.from_environment())
        found = [plugin for plugin in plugins if plugin.name == name]
    if not found:
        raise unknown_name(kind, name, {plugin.name for plugin in plugins})
    if len(found) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in found)
        raise PluginError(f"the {kind} '{name}' is registered by {owners}; uninstall one of them")
    return found[0]


def load_model(plugin: Plugin) -> type[Model]:
    """Import a model's class.

    Raises:
        PluginError: If it cannot be imported, or does not keep the plugin contract.
    """
    from recbench.model import Model

    return _load(plugin, Model)


def load_dataset(plugin: Plugin) -> Dataset:
    """Import a dataset's class and return an instance.

    Raises:
        PluginError: If it cannot be imported, or does not keep the plugin contract.
        DataError: If the card of an imported dataset cannot be read.
    """
    from recbench.data import Dataset

    kind: Callable[..., Dataset] = _load(plugin, Dataset)
    return kind(plugin.card) if plugin.card else kind()


def source_hash(plugin: Plugin) -> str:
    """Return the SHA-256 of the Python source of the plugin's top-level package or module."""
    return package_hash(plugin.target.split(":")[0].split(".")[0])


@cache
def package_hash(name: str) -> str:
    """Return the SHA-256 of the Python source of a top-level package or module."""
    module = import_module(name)
    if module.__file__ is None:
        raise PluginError(f"{name}: the package has no __init__.py; add one")
    path = Path(module.__file__)
    files = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path.parent)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _plugin(kind: Kind, point: EntryPoint) -> Plugin:
    distribution = point.dist
    name, version = (distribution.name, distribution.version) if distribution else ("", "")
    return Plugin(kind, point.name, point.value, name, version)


def _load(plugin: Plugin, base: type[T]) -> type[T]:
    from recbench.model import API_VERSION

    where = f"{plugin.kind} '{plugin.name}' of {plugin.distribution} {plugin.version}"
    module, _, attribute = plugin.target.partition(":")
    try:
        loaded = getattr(import_module(module), attribute)
    except Exception as error:
        raise PluginError(
            f"{where} cannot be imported from {plugin.target}: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise PluginError(f"{where}: {plugin.target} is not a subclass of recbench.{base.__name__}")
    api = getattr(loaded, "api", None)
    if api != API_VERSION:
        raise PluginError(
            f"{where} is written for plugin API {api}; this recbench has {API_VERSION}. "
            "Install a matching release of one of them"
        )
    return loaded
