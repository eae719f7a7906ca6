"""What the class of a model declares, each of the type that the plugin contract has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING

from recbench.errors import PluginError

if TYPE_CHECKING:
    from recbench.model import Model


def require_declared(kind: type[Model], where: str) -> None:
    """Make sure that a model's class has a task, a `Config`, and mappings where they must be.

    Args:
        kind: The class.
        where: Whose it is, for errors.

    Raises:
        PluginError: With the first that is missing or of another type.
    """
    from recbench.search import Domain
    from recbench.task import TASKS

    if getattr(kind, "task", None) not in TASKS.values():
        raise PluginError(
            f"{where}: {kind.__name__} has no task; subclass recbench's CTRModel, NextItemModel, "
            "MultiTaskModel or MetaModel"
        )
    config = getattr(kind, "Config", None)
    if not (isinstance(config, type) and is_dataclass(config)):
        raise PluginError(
            f"{where}: {kind.__name__}.Config is {config!r}; declare a class with "
            "@dataclass(frozen=True) and set Config to it"
        )
    for name in ("training_settings", "search_space"):
        if not isinstance(declared := getattr(kind, name), Mapping):
            raise PluginError(
                f"{where}: {kind.__name__}.{name} is {declared!r}; it must be a mapping of names, "
                "{} if there is nothing"
            )
    for name, domain in kind.search_space.items():
        if not isinstance(domain, Domain):
            raise PluginError(
                f"{where}: {kind.__name__}.search_space['{name}'] is {domain!r}; it must be a "
                "recbench Choice, Range or LogRange"
            )
