"""Pinned fingerprints: what the same raw files gave before, they must give again.

Pins are published in `fingerprints.toml` beside a dataset's reader. What has no published pin is
pinned when it is first prepared, in the cache beside the prepared data.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from recbench.data.card import Dataset
from recbench.data.manifest import Manifest
from recbench.plain import digest
from recbench.published_pins import FILE, Pins, read_pins

RAW_COUNTS = ("interactions", "users", "items", "rows")
"""Counts that tell one release of a dataset's raw files from another."""


@dataclass(frozen=True)
class Comparison:
    """A prepared dataset beside what is pinned for it.

    Attributes:
        place: The file of the pin.
        differing: Names of the fingerprints that are not the pinned ones.
        first: Whether the pin was made of this very dataset.
        simulated: Whether the raw files were.
    """

    place: Path
    differing: tuple[str, ...]
    first: bool = False
    simulated: bool = False

    def __str__(self) -> str:
        """Return what is to be said, and if something differs, what to do."""
        if self.first:
            return f"pinned in {self.place}"
        if not self.differing:
            return f"agrees with the pinned fingerprint ({self.place.name})"
        what = "recbench or NumPy" if self.simulated else "the raw file or recbench"
        return (
            f"{', '.join(self.differing)}: differs from the pinned fingerprint in {self.place}: "
            f"{what} changed. Get the data again, or if the change is meant, raise the version of "
            "the dataset's card or its simulator, and pin anew"
        )


def key(manifest: Manifest) -> dict[str, Any]:
    """Return what a published pin is for, as the pin has it.

    That is a dataset, its version, a protocol, and either a simulation or the raw files' counts.
    """
    about = {name: getattr(manifest, name) for name in ("dataset", "version", "protocol")}
    if manifest.source == "simulated":
        simulator = manifest.settings["simulation"]["version"]
        return {**about, "size": manifest.size, "simulator": simulator}
    counts = {name: manifest.counts[name] for name in RAW_COUNTS if name in manifest.counts}
    return {**about, "counts": counts}


def compare(dataset: Dataset, manifest: Manifest, home: Path) -> Comparison:
    """Hold a prepared dataset to its pin; without one it is pinned.

    Args:
        dataset: The plugin.
        manifest: Of the prepared data.
        home: The folder of the prepared folder.
    """
    simulated = manifest.source == "simulated"
    published = published_pins(dataset)
    place = published[0] if published else None
    for pin in published[1] if published else ():
        if place and {name: pin.get(name) for name in key(manifest)} == key(manifest):
            return Comparison(place, _differing(pin["fingerprints"], manifest), False, simulated)
    place = home / "pins" / f"{manifest.protocol}-{_raw_key(manifest)}.json"
    if place.exists():
        pinned = json.loads(place.read_text(encoding="utf-8"))["fingerprints"]
        return Comparison(place, _differing(pinned, manifest), False, simulated)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(f".{os.getpid()}.partial")
    content = {"files": manifest.files, "fingerprints": manifest.fingerprints}
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(place)
    return Comparison(place, (), True, simulated)


def published_pins(dataset: Dataset) -> tuple[Path, Pins] | None:
    """Return the file of pins beside a dataset's reader and its pins; None if there is none."""
    package = sys.modules[type(dataset).__module__].__package__ or ""
    folder = Path(str(resources.files(package))) if package else None
    pins = read_pins(folder) if folder else ()
    return (folder / FILE, pins) if folder and pins else None


def _differing(pinned: Mapping[str, str], manifest: Manifest) -> tuple[str, ...]:
    found = manifest.fingerprints
    return tuple(name for name in {**found, **pinned} if found.get(name) != pinned.get(name))


def _raw_key(manifest: Manifest) -> str:
    """Return a digest of the raw files' content and of every choice made."""
    choices = {name: value for name, value in manifest.settings.items() if name != "files"}
    content = {role: file["sha256"] for role, file in manifest.files.items()}
    return digest({"choices": choices, "content": content})[:12]
