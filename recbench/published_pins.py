"""Published pins: the fingerprints that a dataset's splits must have, in a file beside its reader.

They are found and read without importing the reader.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FILE = "fingerprints.toml"

Pins = tuple[Mapping[str, Any], ...]


@cache
def pins_of(dataset: str) -> Pins:
    """Return the pins of one dataset, by the name of its plugin; none if it has none published."""
    pins: Pins = ()
    for point in entry_points(group="recbench.datasets", name=dataset):
        folder = _package(point.module)
        pins += read_pins(folder) if folder else ()
    return tuple(pin for pin in pins if pin["dataset"] == dataset)


@cache
def read_pins(folder: Path) -> Pins:
    """Return the pins of all datasets whose readers are in `folder`."""
    place = folder / FILE
    if not place.is_file():
        return ()
    return tuple(tomllib.loads(place.read_text(encoding="utf-8"))["pin"])


def _package(module: str) -> Path | None:
    """Return the folder of the package that a module is in, or is; None if it is in none."""
    top, *inner = module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    place = Path(spec.submodule_search_locations[0], *inner)
    return place if place.is_dir() else place.parent
