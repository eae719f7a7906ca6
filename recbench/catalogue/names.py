"""Which of the plugins are meant, and which of them clash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recbench.errors import UsageError, unknown_name
from recbench.folders import Folders
from recbench.plugins import KINDS, Kind, Plugin, clash, discover, find, imported, unpublished


def find_any(text: str, kind: Kind | None = None, folders: Folders | None = None) -> Plugin:
    """Return the plugin that is meant: a name of either kind, or a class as `MODULE:CLASS`.

    Args:
        text: The name or class.
        kind: What a name is of; either if None.
        folders: As for `find`.

    Raises:
        UsageError: If there is none, or a model and a dataset of that name.
        PluginError: If two distributions register the name, or the class is no plugin.
    """
    if ":" in text:
        return unpublished(text)
    if kind:
        return find(kind, text, folders)
    folders = folders or Folders.from_environment()
    known = {each: {plugin.name for plugin in discover(each)} for each in KINDS}
    known["dataset"] |= {plugin.name for plugin in imported(folders)}
    kinds = [each for each in KINDS if text in known[each]]
    if len(kinds) > 1:
        raise UsageError(f"'{text}' is a model and a dataset; say which with --kind")
    if not kinds:
        raise unknown_name("model or dataset", text, known["model"] | known["dataset"])
    return find(kinds[0], text, folders)


def by_name(
    kind: Kind, plugins: Iterable[Plugin], names: tuple[str, ...]
) -> Iterator[tuple[Plugin, str]]:
    """Yield the plugins of these names, or all, each with why it clashes with others, if it does.

    An imported dataset clashes with nothing: that of a distribution comes before it.
    """
    plugins_of: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        plugins_of.setdefault(plugin.name, []).append(plugin)
    for name in names:
        if name not in plugins_of:
            raise unknown_name(kind, name, plugins_of)
    for name in sorted(set(names)) or plugins_of:
        own = [each for each in plugins_of[name] if not each.card]
        for plugin in plugins_of[name]:
            clashes = not plugin.card and len(own) > 1
            yield plugin, str(clash(own)) if clashes else ""
