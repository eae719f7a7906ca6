"""Checking a prepared folder against its own manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.data.columns import read_table
from recbench.data.contexts import context_texts
from recbench.data.manifest import Manifest, fields_fingerprint, file_checksum, fingerprint
from recbench.data.protocol import PARTS
from recbench.data.samples import read_samples
from recbench.data.vectors import read_vectors, vectors_fingerprint
from recbench.data.write_table import table_fingerprints
from recbench.errors import DataError
from recbench.schema import FIRST_ID


def verify_prepared(folder: Path) -> list[str]:
    """Return what differs from the manifest; empty if nothing does.

    That is the files whose bytes are not those that were written or, if all are, those of `log`,
    `fields`, `train`, `valid` and `test` (of a table the last three) whose decoded rows have
    another fingerprint.

    Raises:
        DataError: If a file is missing.
    """
    manifest = Manifest.load(folder)
    if damaged := [name for name, sha in manifest.tables.items() if _checksum(folder, name) != sha]:
        return damaged
    logged = "log" in manifest.fingerprints
    found = (
        _fingerprints(folder, manifest) if logged else table_fingerprints(folder, manifest.schema)
    )
    return [name for name, value in found.items() if value != manifest.fingerprints[name]]


def _checksum(folder: Path, name: str) -> str:
    try:
        return file_checksum(folder / name)
    except OSError as error:
        raise DataError(
            f"prepared file {folder / name} cannot be read ({error.strerror}); delete {folder} to "
            "prepare it again"
        ) from error


def _fingerprints(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the fingerprints of the rows of a prepared log."""
    users, items = read_table(folder / "users.arrow"), read_table(folder / "items.arrow")
    ids = {"user": users["user"], "item": items["item"]}
    lengths = (users["stop"] - users["start"])[FIRST_ID:]
    order = np.argsort(users["start"][FIRST_ID:])
    user = np.repeat(order + FIRST_ID, lengths[order])
    log = {"user": user, **read_table(folder / "interactions.arrow")}
    found = {"log": fingerprint("", log, ids)}
    fields = {}
    for field in manifest.schema.of("user", "item"):
        if field.name in ids or field.width:
            continue
        side = users if field.role == "user" else items
        values = read_table(folder / f"fields/{field.name}.arrow")["value"]
        fields[field.name] = side[field.name], values
    vectors = read_vectors(folder, manifest.schema.vector_fields)
    found["fields"] = vectors_fingerprint(fields_fingerprint(found["log"], fields), vectors)
    for field in manifest.schema.of("context"):
        ids[field.name] = context_texts(read_table(folder / f"fields/{field.name}.arrow")["value"])
    labels = manifest.schema.labels
    names = [name for name in read_samples(folder, "train", labels) if name != "group"]
    for part in PARTS:
        read = read_samples(folder, part, labels)
        columns = {name: read[name] for name in names}
        found[part] = fingerprint(found["fields"], columns, ids)
        if manifest.states:
            episodes = read_table(folder / f"episodes/{part}.arrow")
            found[part] = fingerprint(found[part], episodes, {})
    return found
