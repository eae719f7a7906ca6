"""The models: none is imported but those asked for, so that no broken one is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from recbench.api import API_VERSION
from recbench.catalogue.names import by_name
from recbench.errors import PluginError
from recbench.plugins import Plugin, discover, load_model, other_api
from recbench.plugins.class_source import read_class


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be asked for.

    Attributes:
        model: Its name.
        task: What it predicts.
        distribution: The distribution that registers it.
        version: The distribution's version.
        origin: Where its code is, or "built-in".
        training: The training settings of its own; None if it was not imported.
        broken: Why it cannot be used; empty if nothing is known against it.
    """

    model: str
    task: str
    distribution: str
    version: str
    origin: str = ""
    training: Mapping[str, Any] | None = None
    broken: str = ""


def models(names: Iterable[str] = ()) -> list[ModelEntry]:
    """Return the models of these names, which are imported; or all, and none is.

    The task of a model that is not imported is the one that its source tells.

    Raises:
        UsageError: If there is none of a name.
    """
    wanted = tuple(names)
    found = []
    for plugin, broken in by_name("model", discover("model"), wanted):
        entry = ModelEntry(plugin.name, "", plugin.distribution, plugin.version, broken=broken)
        try:
            entry = replace(entry, origin=plugin.origin)
            entry = _imported(entry, plugin) if wanted and not broken else _read(entry, plugin)
        except PluginError as error:
            entry = replace(entry, broken=entry.broken or str(error))
        found.append(entry)
    return found


def _read(entry: ModelEntry, plugin: Plugin) -> ModelEntry:
    """Add what the model's source tells."""
    try:
        source = read_class(plugin.target)
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        raise PluginError(
            f"model '{plugin.name}' of {plugin.owner}: {type(error).__name__}: {error}"
        ) from error
    if source.api not in (None, API_VERSION):
        raise other_api(plugin, source.api)
    return replace(entry, task=source.task or "?")


def _imported(entry: ModelEntry, plugin: Plugin) -> ModelEntry:
    """Add what the model's class tells."""
    kind = load_model(plugin)
    return replace(entry, task=kind.task.name, training=dict(kind.training_settings))
