"""Checking a prepared folder against its own fingerprints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.data.columns import read_table
from recbench.data.manifest import Manifest, fingerprint
from recbench.data.protocol import PARTS
from recbench.schema import FIRST_ID


def verify_prepared(folder: Path) -> list[str]:
    """Return which of `log`, `train`, `valid` and `test` differ from the manifest's fingerprints.

    Raises:
        DataError: If a file is missing or damaged.
    """
    manifest = Manifest.load(folder)
    users, items = read_table(folder / "users.arrow"), read_table(folder / "items.arrow")
    ids = {"user": users["user"], "item": items["item"]}
    found = {}
    lengths = (users["stop"] - users["start"])[FIRST_ID:]
    order = np.argsort(users["start"][FIRST_ID:])
    user = np.repeat(order + FIRST_ID, lengths[order])
    log = {"user": user, **read_table(folder / "interactions.arrow")}
    found["log"] = fingerprint("", log, ids)
    for part in PARTS:
        columns = read_table(folder / "samples" / f"{part}.arrow")
        columns.pop("oracle", None)
        found[part] = fingerprint(found["log"], columns, ids)
    return [part for part, value in found.items() if value != manifest.fingerprints[part]]
