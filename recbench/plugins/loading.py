"""Loading: the class of a plugin imported, and held to the plugin contract."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from recbench.api import API_VERSION
from recbench.errors import PluginError
from recbench.plugins.declared import require_declared
from recbench.plugins.plugin import Plugin

if TYPE_CHECKING:
    from recbench.data import Dataset
    from recbench.model import Model

T = TypeVar("T")


def load_model(plugin: Plugin) -> type[Model]:
    """Import a model's class.

    Raises:
        PluginError: If it cannot be imported, or does not keep the plugin contract.
    """
    from recbench.model import Model

    kind = _load(plugin, Model)
    require_declared(kind, _where(plugin))
    return kind


def load_dataset(plugin: Plugin) -> Dataset:
    """Import a dataset's class and return an instance.

    Raises:
        PluginError: If it cannot be imported, or does not keep the plugin contract.
        DataError: If the card of an imported dataset cannot be read.
    """
    from recbench.data import Dataset

    kind: Callable[..., Dataset] = _load(plugin, Dataset)
    if plugin.card:
        return kind(plugin.card)
    try:
        dataset = kind()
        _ = dataset.card
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"dataset '{plugin.name}' of {plugin.owner} cannot be made without arguments, or has "
            f"no card: {_cause(error)}"
        ) from error
    return dataset


def import_target(target: str, where: str) -> object:
    """Import what `MODULE:CLASS` names; `PluginError` if that fails.

    What it prints meanwhile goes to standard error.
    """
    from recbench.surroundings import kept

    module, _, attribute = target.partition(":")
    try:
        with kept(), redirect_stdout(sys.stderr):
            return getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{where} cannot be imported from {target}: {_cause(error)}") from error


def other_api(plugin: Plugin, api: object) -> PluginError:
    """Return the error for a plugin of another API than this recbench's."""
    return PluginError(
        f"{plugin.kind} '{plugin.name}' of {plugin.owner} is written for plugin API {api}; this "
        f"recbench has {API_VERSION}. Install a matching release of one of them"
    )


def _cause(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"its code called sys.exit({error.code!r})"
    return f"{type(error).__name__}: {error}"


def _where(plugin: Plugin) -> str:
    return f"{plugin.kind} '{plugin.name}' of {plugin.owner}"


def _load(plugin: Plugin, base: type[T]) -> type[T]:
    where = _where(plugin)
    loaded = import_target(plugin.target, where)
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise PluginError(f"{where}: {plugin.target} is not a subclass of recbench.{base.__name__}")
    api = getattr(loaded, "api", None)
    if api != API_VERSION:
        raise other_api(plugin, api)
    return loaded
