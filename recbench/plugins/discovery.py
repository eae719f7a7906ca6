"""Discovery: models and datasets found through entry points, imported only when named.

Beside them are found datasets that a user imported, each a card in TOML, and classes that no
distribution registers, named by `RECBENCH_PLUGINS` or `--plugin`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from recbench.errors import PluginError, UsageError, unknown_name
from recbench.folders import Folders
from recbench.plugins.choice import ALL, OFF, OWN, PluginChoice, chosen
from recbench.plugins.loading import import_target, load_dataset
from recbench.plugins.plugin import KINDS, Kind, Plugin, source_hash

CARD = "recbench.toml"
"""Name of the card of an imported dataset, in a folder of the dataset's name."""
IMPORTED = "recbench.datasets.imported:Imported"
"""The class of all imported datasets; it takes the card's path."""
UNPUBLISHED = "unpublished"
"""What stands for the distribution of a class that none registers."""
NAME = re.compile(r"\w[\w-]*")
"""What a name given to an unpublished model may be."""


def discover(kind: Kind) -> list[Plugin]:
    """Return every plugin of a kind that is not switched off, by name.

    None of them is imported, but for classes that no distribution registers.

    Raises:
        UsageError: If such a class is named in another way than `[NAME=]MODULE:CLASS`.
        PluginError: If it cannot be imported, or is no plugin.
    """
    choice = PluginChoice.from_environment()
    found = [each for each in _registered(kind) if not choice.is_off(each.distribution, each.name)]
    found += [each for each in map(unpublished, choice.added) if each.kind == kind]
    return sorted(found, key=lambda plugin: (plugin.name, plugin.distribution))


@contextmanager
def choosing(added: Iterable[str], off: Iterable[str]) -> Iterator[None]:
    """Add and switch off plugins while the body runs, here and in child processes.

    Args:
        added: Classes, each as `[NAME=]MODULE:CLASS`.
        off: Names of distributions, models or datasets.

    Raises:
        UsageError: If nothing has a name that is to be switched off.
    """
    known = {name for kind in KINDS for p in _registered(kind) for name in (p.name, p.distribution)}
    names = tuple(off)
    for name in names:
        if name not in known:
            raise unknown_name("plugin of --no-plugin", name, known)
    with chosen(added, names):
        yield


def unpublished(text: str) -> Plugin:
    """Return the plugin that a class is, given as `[NAME=]MODULE:CLASS`, and import it.

    The current directory is looked in first. A model that is given no name is called as its class
    in lower case, and a dataset always as its card.

    Raises:
        UsageError: If the text has another form.
        PluginError: If the class cannot be imported, or is no plugin.
    """
    from recbench.data import Dataset
    from recbench.model import Model

    name, _, target = text.rpartition("=")
    module, _, attribute = target.partition(":")
    named = not name and "=" not in text or NAME.fullmatch(name)
    if not (module and attribute and named):
        raise UsageError(
            f"'{text}': write MODULE:CLASS, or NAME=MODULE:CLASS for a model, with a name of "
            "letters, digits, - and _"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    loaded = import_target(target, f"the {UNPUBLISHED} plugin")
    if isinstance(loaded, type) and issubclass(loaded, Model):
        found = Plugin("model", name or loaded.__name__.lower(), target, UNPUBLISHED, "")
    elif isinstance(loaded, type) and issubclass(loaded, Dataset):
        card = load_dataset(Plugin("dataset", loaded.__name__, target, UNPUBLISHED, "")).card
        found = Plugin("dataset", card.name, target, UNPUBLISHED, "")
        if name not in ("", found.name):
            raise UsageError(
                f"'{text}': the dataset's card calls it {found.name}; leave out {name}="
            )
    else:
        raise PluginError(f"{target} is no subclass of recbench.Model or recbench.Dataset")
    source_hash(found)  # without it, records could not tell which code has run
    return found


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
        for plugin in _registered(kind):
            if plugin.name == name:
                raise UsageError(
                    f"the {kind} '{name}' of {plugin.owner} is {_switched_off(plugin)}"
                )
        raise unknown_name(kind, name, {plugin.name for plugin in plugins})
    if len(found) > 1:
        raise clash(found)
    return found[0]


def clash(plugins: Iterable[Plugin]) -> PluginError:
    """Return the error for plugins of one kind and name."""
    found = list(plugins)
    owners = " and ".join(plugin.owner for plugin in found)
    return PluginError(
        f"the {found[0].kind} '{found[0].name}' is registered by {owners}; uninstall one of them, "
        "or leave out a distribution with --no-plugin"
    )


def _registered(kind: Kind) -> set[Plugin]:
    """Return what distributions register, without importing any."""
    points = entry_points(group=f"recbench.{kind}s")
    return {
        Plugin(kind, each.name, each.value, each.dist.name, each.dist.version)
        for each in points
        if each.dist
    }


def _switched_off(plugin: Plugin) -> str:
    """Return by what a plugin is switched off."""
    off = PluginChoice.from_environment().off
    value = ALL if ALL in off and plugin.distribution != OWN else ",".join(off)
    return f"switched off (--no-plugin or {OFF}={value})"
