"""SQL that makes a table's `rows` from the file of an imported dataset."""

from __future__ import annotations

import duckdb

from recbench.data.reading import MALFORMED
from recbench.datasets.imported.description import Description
from recbench.datasets.imported.log import leave_out, truth
from recbench.datasets.imported.source_file import name


def make_rows(db: duckdb.DuckDBPyConnection, own: Description) -> None:
    """Make `MALFORMED` and `rows`: labels, numbers and categories under their fields' names."""
    chosen, faults = [], []
    for field, column in (own.labels | own.inputs).items():
        cell = own.events.cell(column)
        value, kind = cell, ""
        if field in own.real or field in own.numbers:
            value, kind = number(cell), "number"
        elif field in own.labels:
            value, kind = truth(cell), "label"
        chosen.append(f"{value} AS {name(field)}")
        if kind:
            said = f"concat('{kind} ''', {cell}, ''' unreadable')"
            faults.append(f"WHEN {cell} IS NOT NULL AND {value} IS NULL THEN {said}")
    why = f"CASE {' '.join(faults)} END"
    db.execute(
        f"""CREATE VIEW parsed AS SELECT row, {why} AS why FROM events_file"""  # noqa: S608
    )
    leave_out(db, own.events)
    db.execute(
        f"""CREATE VIEW rows AS SELECT row, {", ".join(chosen)} FROM events_file
        ANTI JOIN {MALFORMED} ON row = number"""  # noqa: S608
    )


def number(cell: str) -> str:
    """Return SQL for a finite number; null for anything else."""
    cast = f"TRY_CAST({cell} AS DOUBLE)"
    return f"CASE WHEN isfinite({cast}) THEN {cast} END"
