"""What a distribution offers: a model or a dataset, known by name before it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recbench.errors import PluginError
from recbench.plugins.choice import OWN
from recbench.plugins.class_source import place
from recbench.plugins.package_hash import package_hash

Kind = Literal["model", "dataset"]
KINDS: tuple[Kind, ...] = ("model", "dataset")


@dataclass(frozen=True)
class Plugin:
    """A model or dataset that a distribution offers.

    Attributes:
        kind: What it is.
        name: The name it is asked for by.
        target: Where its class is, as `module:Class`.
        distribution: The distribution that registers it; "imported" if a user's card does, and
            "unpublished" if none does.
        version: The distribution's version.
        card: The card of an imported dataset; None for anything else.
    """

    kind: Kind
    name: str
    target: str
    distribution: str
    version: str
    card: Path | None = None

    @property
    def owner(self) -> str:
        """Whose it is, in words: a distribution and its version, a card, or the class itself."""
        return f"{self.distribution} {self.version or self.card or self.target}"

    @property
    def origin(self) -> str:
        """Where its code is, which is not imported for that: a folder or file, or "built-in".

        Raises:
            PluginError: If it is not there.
        """
        if self.card:
            return str(self.card)
        if self.distribution == OWN:
            return "built-in"
        try:
            return str(place(self.target.partition(":")[0]) or "")
        except (ImportError, ValueError) as error:
            raise PluginError(f"{self.kind} '{self.name}' of {self.owner}: {error}") from error


def source_hash(plugin: Plugin) -> str:
    """Return the SHA-256 of the source code of the plugin's top-level package or module."""
    return package_hash(plugin.target.split(":")[0].split(".")[0])
