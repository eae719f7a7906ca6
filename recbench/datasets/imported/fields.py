"""Names of fields for columns that may be called anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from recbench.data.card import RESERVED

TAKEN = RESERVED | {"time", "oracle", "history_start", "history_stop", "row", "testing"}
"""Names that recbench itself uses, in prepared data and in what readers make."""


def field_names(columns: Sequence[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a field's name for each column: its own, as far as that can be one.

    Signs that no file name or score can have become `_`, and so does the end of a name that is
    taken; upper and lower case count as one.
    """
    used = {name.lower() for name in (*taken, *TAKEN)}
    found = {}
    for column in columns:
        name = re.sub(r"[^\w-]+", "_", column).lstrip("-")[:64] or "_"
        while name.lower() in used:
            name += "_"
        used.add(name.lower())
        found[column] = name
    return found
