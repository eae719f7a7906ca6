"""The manifest of a prepared dataset: what it is, where it came from, and its fingerprints."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbench.errors import DataError
from recbench.schema import Field, Schema

FORMAT = 3
"""Version of the prepared folder's layout."""
ROWS = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
        format: Version of the folder's layout.
        dataset: Card name.
        version: Card version.
        task: The task that the examples serve.
        protocol: Name of the protocol.
        source: Whether the raw files are real or simulated.
        size: Size of the simulation; empty for real data.
        settings: Everything that decided the result, as plain values.
        files: For each raw file, its name, bytes and SHA-256.
        fields: The schema.
        counts: Interactions, users, items, or the rows of a table, and the examples of each part.
        fingerprints: SHA-256 over decoded rows, of each part and, where there is a log, of it and
            of the side fields.
        tables: SHA-256 of each file of the folder, by its path in it.
        characteristics: Statistics that describe the data.
        leakage: How far the protocol lets training see the time of the test.
        reports: What was dropped on the way, in sentences.
        attainable: Whether test examples carry the score that no model is expected to beat.
        states: What is judged apart in cold start.
    """

    format: int
    dataset: str
    version: int
    task: str
    protocol: str
    source: Literal["real", "simulated"]
    size: str
    settings: dict[str, Any]
    files: dict[str, dict[str, Any]]
    fields: list[dict[str, Any]]
    counts: dict[str, int]
    fingerprints: dict[str, str]
    tables: dict[str, str]
    characteristics: dict[str, Any]
    leakage: dict[str, Any]
    reports: list[str]
    attainable: bool
    states: tuple[str, ...] = ()

    @property
    def schema(self) -> Schema:
        """The fields of the dataset."""
        return Schema(tuple(Field(**field) for field in self.fields), tuple(self.states))

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> Manifest:
        """Read the manifest of a prepared folder.

        Raises:
            DataError: If it is damaged or of another format.
        """
        path = folder / "manifest.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']}, this recbench reads {FORMAT}")
            return Manifest(**content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} cannot be read ({error}); delete {folder} to prepare it again"
            ) from error


def fingerprint(start: str, columns: Mapping[str, Any], ids: Mapping[str, pa.Array]) -> str:
    """Return the SHA-256 of rows, with users and items decoded to raw ids.

    Args:
        start: A text to begin with: the fingerprint of what the rows point into, or "".
        columns: The rows' columns of numbers, in a fixed order.
        ids: Raw values of those columns that hold raw numbers.
    """
    digest = hashlib.sha256(start.encode())
    length = len(next(iter(columns.values())))
    for first in range(0, length, ROWS):
        for name, column in columns.items():
            values = np.asarray(column[first : first + ROWS])
            digest.update(_decoded(values, ids[name]) if name in ids else _numbers(values))
    return digest.hexdigest()


def fields_fingerprint(start: str, fields: Mapping[str, tuple[Any, Any]]) -> str:
    """Return the SHA-256 of side fields, in a fixed order.

    Args:
        start: The fingerprint of the log that the fields describe.
        fields: For each field, the ids of all users or items, and the raw value of each id.
    """
    for name, (ids, values) in fields.items():
        start = fingerprint(f"{start}{name}", {"id": ids}, {})
        start = fingerprint(start, {"value": np.arange(len(values))}, {"value": pa.array(values)})
    return start


def file_facts(files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return the name, size and SHA-256 of each raw file, or of the archive that it lies in."""
    facts = {
        path: {"name": path.name, "bytes": path.stat().st_size, "sha256": file_checksum(path)}
        for path in set(files.values())
    }
    return {role: dict(facts[path]) for role, path in files.items()}


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbers(values: np.ndarray[Any, Any]) -> bytes:
    return values.astype("<f8" if values.dtype.kind == "f" else "<i8").tobytes()


def _decoded(numbers: np.ndarray[Any, Any], raw: pa.Array) -> bytes:
    values = raw.take(pa.array(numbers))
    if pa.types.is_integer(raw.type):
        return _numbers(values.to_numpy())
    whole = pa.ListArray.from_arrays([0, len(values)], values.cast(pa.string()))
    text = pc.binary_join(whole, "\n")
    joined: str = text[0].as_py()
    return joined.encode()
