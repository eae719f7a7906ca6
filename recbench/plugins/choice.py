"""Which plugins a user adds to those of installed distributions, and which are switched off.

The choice lives in two environment variables, so that child processes make the same one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recbench.errors import UsageError

ADDED, OFF = "RECBENCH_PLUGINS", "RECBENCH_NO_PLUGINS"
ALL = "1"
"""The value of `RECBENCH_NO_PLUGINS` that leaves nothing but recbench's own."""
OWN = "recbench"
"""The distribution of what is built in."""


@dataclass(frozen=True)
class PluginChoice:
    """What is added and what is switched off.

    Attributes:
        added: Classes that no distribution registers, each as `MODULE:CLASS` or
            `NAME=MODULE:CLASS`.
        off: Names of distributions, models or datasets, or `ALL`.
    """

    added: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def is_off(self, distribution: str, name: str) -> bool:
        """Return whether what a distribution registers by a name is switched off."""
        foreign = ALL in self.off and distribution != OWN
        return foreign or distribution in self.off or name in self.off

    @staticmethod
    def from_environment() -> PluginChoice:
        """Return the choice of `RECBENCH_PLUGINS` and `RECBENCH_NO_PLUGINS`.

        Both are lists with commas between. A variable that is empty or 0 counts as not set.

        Raises:
            UsageError: If one adds plugins and the other allows none.
        """
        choice = PluginChoice(_listed(ADDED), _listed(OFF))
        if choice.added and ALL in choice.off:
            raise UsageError(
                f"{OFF}=1 allows no plugin, and {choice.added[0]} is to be added; unset {OFF}, or "
                f"leave out --plugin and {ADDED}"
            )
        return choice


@contextmanager
def chosen(added: Iterable[str], off: Iterable[str]) -> Iterator[None]:
    """Add to the environment's choice while the body runs, here and in child processes.

    Raises:
        UsageError: If one adds plugins and the other allows none.
    """
    before = {name: os.environ.get(name) for name in (ADDED, OFF)}
    try:
        for name, values in ((ADDED, added), (OFF, off)):
            os.environ[name] = ",".join(dict.fromkeys((*_listed(name), *values)))
        PluginChoice.from_environment()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _listed(variable: str) -> tuple[str, ...]:
    value = os.environ.get(variable, "")
    return tuple(each.strip() for each in value.split(",") if each.strip() not in ("", "0"))
