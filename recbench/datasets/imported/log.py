"""SQL that makes a log's `events`, `items` and `users` from the files of an imported dataset."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from recbench.data.reading import MALFORMED, make_malformed
from recbench.datasets.imported import times
from recbench.datasets.imported.description import Description, SourceFile
from recbench.datasets.imported.source_file import name, text

ROLES = ("user", "item", "time", "category", "behaviour", "label")
"""What a column of a log can be."""
WHOLE = "'(0|-?[1-9][0-9]*)([.]0)?'"
"""What a whole number looks like as text: also with the .0 that pandas adds."""
TRUTHS = {1: ("1", "1.0", "true"), 0: ("0", "0.0", "false")}
"""Texts of a label, in small letters."""


def make_log(db: duckdb.DuckDBPyConnection, own: Description) -> None:
    """Make `MALFORMED`, `events` and, where there is something to say of them, `items`, `users`."""
    cells = {role: own.events.cell(column) for role, column in own.columns.items()}
    chosen = {key: key_cell(cells[key], key in own.integers) for key in ("user", "item")}
    chosen["moment"] = times.moment(own.time, cells["time"])
    chosen["time"] = times.seconds(own.time, "moment")
    chosen |= {role: cells[role] for role in ("category", "behaviour") if role in cells}
    if "label" in cells:
        chosen["label"] = (
            matches(cells["label"], own.positive) if own.positive else truth(cells["label"])
        )
    needed = [role for role in cells if role != "category"]
    why = " ".join(f"WHEN {cells[role]} IS NULL THEN 'no {role}'" for role in needed)
    fault = "is no whole number" if own.time == "order" else "unreadable"
    db.execute(
        f"""CREATE VIEW parsed AS SELECT row,
            {", ".join(f"{sql} AS {role}" for role, sql in chosen.items())},
            CASE {why} WHEN moment IS NULL THEN concat('time ''', {cells["time"]}, ''' {fault}')
            END AS why FROM events_file"""  # noqa: S608
    )
    leave_out(db, own.events)
    db.execute("CREATE TABLE complete AS SELECT * EXCLUDE (why) FROM parsed WHERE why IS NULL")
    kept = _supported(db, "complete", "item", own.min_item_events, own)
    kept = _supported(db, kept, "user", own.min_user_events, own)
    row = "row_number() OVER (ORDER BY moment, row)" if times.finer(own.time) else "row"
    further: list[str] = [role for role in ("behaviour", "label") if role in cells]
    if own.positive and "label" not in cells:
        further.append(f"{matches('behaviour', own.positive)} AS positive")
    columns = ", ".join([f"{row} AS row", "user", "item", "time", *further])
    made = "TABLE" if times.finer(own.time) else "VIEW"  # so that rows are put in order once
    db.execute(f"CREATE {made} events AS SELECT {columns} FROM {kept}")  # noqa: S608
    _make_side(db, own, "item", kept if "category" in cells else "")
    _make_side(db, own, "user", "")


def leave_out(db: duckdb.DuckDBPyConnection, file: SourceFile, rows: str = "parsed") -> None:
    """Add to `MALFORMED` what `rows`, a table or query in SQL, says `why` of."""
    make_malformed(db)
    db.execute(
        f"""INSERT INTO {MALFORMED}
        SELECT {text(file.name + ", row ")}, row, why FROM {rows} WHERE why IS NOT NULL"""  # noqa: S608
    )


def key_cell(cell: str, integer: bool) -> str:  # noqa: FBT001
    """Return SQL for the id in a cell; null for what is no whole number where ids are these."""
    if not integer:
        return cell
    return f"CASE WHEN regexp_full_match({cell}, {WHOLE}) THEN TRY_CAST({cell} AS BIGINT) END"


def is_integer(db: duckdb.DuckDBPyConnection, table: str, cell: str) -> bool:
    """Return whether all values of a column are whole numbers that 64 bits hold."""
    row = db.execute(
        f"""SELECT coalesce(bool_and({key_cell(cell, integer=True)} IS NOT NULL), false)
        FROM {table} WHERE {cell} IS NOT NULL"""  # noqa: S608
    ).fetchone()
    return bool(row and row[0])


def truth(cell: str) -> str:
    """Return SQL for a label of 0 or 1; null for anything else."""
    whens = (f"WHEN lower({cell}) IN {_listed(texts)} THEN {v}" for v, texts in TRUTHS.items())
    return f"CASE {' '.join(whens)} END"


def matches(cell: str, values: Sequence[str]) -> str:
    """Return SQL for whether a cell has one of `values`, as text or as the same number."""
    return (
        f"coalesce({cell} IN {_listed(values)} OR TRY_CAST({cell} AS DOUBLE) IN "
        f"(SELECT TRY_CAST(unnest([{', '.join(map(text, values))}]) AS DOUBLE)), false)::TINYINT"
    )


def _listed(values: Sequence[str]) -> str:
    return f"({', '.join(map(text, values))})"


def _supported(
    db: duckdb.DuckDBPyConnection, table: str, key: str, least: int, own: Description
) -> str:
    """Make a table without the users or items of fewer than `least` events; return its name."""
    if least < 2:
        return table
    low, high = own.time_range or (-(1 << 62), 1 << 62)
    db.execute(
        f"""CREATE TABLE {table}_{key} AS SELECT * FROM {table} SEMI JOIN (
            SELECT {key} FROM {table} WHERE time BETWEEN {low} AND {high}
            GROUP BY {key} HAVING count(*) >= {least}) USING ({key})"""  # noqa: S608
    )
    return f"{table}_{key}"


def _make_side(db: duckdb.DuckDBPyConnection, own: Description, key: str, log: str) -> None:
    """Make `items` or `users` of their file, and `category` of the log if it is named."""
    file, fields = (own.items, own.item_fields) if key == "item" else (own.users, own.user_fields)
    counted = f"SELECT {key}, min(category) AS category FROM {log} GROUP BY {key}"  # noqa: S608
    if file is None:
        if log:
            db.execute(f"CREATE VIEW {key}s AS {counted}")
        return
    column = own.columns[key]
    why = f"CASE WHEN {file.cell(column)} IS NULL THEN {text(f'no {column}')} END AS why"
    leave_out(db, file, f"(SELECT row, {why} FROM {key}s_file)")  # noqa: S608
    chosen = ", ".join(f"{file.cell(c)} AS {name(field)}" for field, c in fields.items())
    sql = f"SELECT {key_cell(file.cell(column), key in own.integers)} AS {key}, {chosen}"
    sql = f"SELECT * FROM ({sql} FROM {key}s_file) WHERE {key} IS NOT NULL"  # noqa: S608
    if log:
        sql = f"SELECT * FROM ({sql}) FULL JOIN ({counted}) USING ({key})"  # noqa: S608
    db.execute(f"CREATE VIEW {key}s AS {sql}")
