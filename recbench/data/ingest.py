"""From raw files to a log on disk, ordered by (user, time, row): the part that DuckDB does.

DuckDB reads, filters and sorts out of core, within a stated memory limit. What comes out is a
`RawLog` whose users and items are numbered in the order of their raw ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from recbench.data.card import RESERVED, Card, Dataset
from recbench.data.chosen_rows import choose_rows
from recbench.data.columns import Spool
from recbench.data.database import column_names, reading
from recbench.data.reading import Rejected
from recbench.data.table import TAKEN
from recbench.data.vectors import Vectors, ingest_vectors, missing
from recbench.errors import DataError
from recbench.progress import Progress
from recbench.schema import Field

ROWS = 1 << 18
NEEDED = frozenset({"behaviour", "history", "positive", "testing"})
"""Columns of events that have a value in every row where there is such a column."""
BEHAVIOURS = 128
"""Behaviours that a log may have: their codes are of one byte."""


@dataclass(frozen=True)
class RawLog:
    """All events, ordered by (user, time, row), on disk; of a user those of histories come first.

    Attributes:
        spool: Columns user, item (numbers into `users` and `items`), time, positive, and where
            the data have them label (of float32 if it is real), testing, history and behaviour, and
            a column of codes for each context, named by `context_column`.
        users: Raw id of each user, ascending; where users are sequences, that of the real user.
        items: Raw id of each item, ascending.
        user_fields: Further columns of users, in the order of `users`.
        item_fields: Further columns of items, in the order of `items`.
        behaviours: Name of each behaviour code.
        groups: Number of each sequence's real user, [V]; None where users are users.
        contexts: Raw value of each code of a context, ascending; of no value the code is -1.
        out_of_range: Events dropped because their time cannot be right.
        rejected: Rows that could not be read or that lack a user, an item or a time.
        unmatched: Sentences on users and items that the further columns lack.
        vectors: The columns of items that hold vectors.
    """

    spool: Spool
    users: pa.Array
    items: pa.Array
    user_fields: Mapping[str, pa.Array]
    item_fields: Mapping[str, pa.Array]
    behaviours: tuple[str, ...]
    out_of_range: int
    rejected: Rejected
    groups: NDArray[np.int64] | None = None
    contexts: Mapping[str, pa.Array] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


def context_column(name: str) -> str:
    """Return the name of the spool's column of a context."""
    return f"context.{name}"


def ingest(
    dataset: Dataset,
    files: Mapping[str, Path],
    scratch: Path,
    progress: Progress,
    label: Field | None = None,
) -> RawLog:
    """Read `files` with the dataset's reader and return its log, stored under `scratch`.

    Args:
        dataset: The plugin.
        files: Its raw files by role.
        scratch: Where the log may lie.
        progress: Told how far it is.
        label: Which of the card's labels is predicted; None if the card has none.

    Raises:
        DataError: If a file or the reader is not right.
    """
    with reading(dataset, files, scratch) as (db, faults):
        if label is not None:
            _require_label(db, label, dataset.card)
        return _order(dataset, label, db, faults, scratch, progress)


def _require_label(db: duckdb.DuckDBPyConnection, label: Field, card: Card) -> None:
    """Raise `DataError` if a label of the card is not there, or an event lacks the chosen one."""
    found = column_names(db, "events")
    for name in card.labels:
        if name not in found:
            raise DataError(f"{card.name}: the reader makes no column '{name}', which its card has")
    right = f'"{label.name}" IN (0, 1)' if label.size else f'isfinite("{label.name}"::DOUBLE)'
    odd = db.execute(
        f"SELECT min(row), count(*) FROM events WHERE NOT coalesce({right}, false)"  # noqa: S608
    ).fetchone()
    if odd and odd[1]:
        kind = "0 or 1" if label.size else "a number"
        raise DataError(
            f"{card.name}: {odd[1]:,} events have no '{label.name}' that is {kind}, the first in "
            f"row {odd[0]}; mend the file or the dataset's reader"
        )


def _order(
    dataset: Dataset,
    label: Field | None,
    db: duckdb.DuckDBPyConnection,
    faults: Rejected,
    scratch: Path,
    progress: Progress,
) -> RawLog:
    card = dataset.card
    columns = set(column_names(db, "events"))
    name = "label" if label is None else label.name
    total, kept, faults = choose_rows(db, card, columns & {*NEEDED, name}, faults)
    _require_own_names(card, db)
    users, items = _number(db, "user"), _number(db, "item")
    contexts = {name: _number(db, name) for name in card.contexts}
    behaviours = behaviour_names(db, "log") if "behaviour" in columns else ()
    types: dict[str, DTypeLike] = {"user": np.int32, "item": np.int32, "time": np.int64}
    types |= {"positive": np.bool_}
    real = label is not None and not label.size
    types |= {"label": np.float32 if real else np.int8} if name in columns else {}
    flags = [flag for flag in ("testing", "history") if flag in columns]
    types |= dict.fromkeys(flags, np.bool_)
    types |= {"behaviour": np.int8} if behaviours else {}
    types |= dict.fromkeys(map(context_column, contexts), np.int32)
    spool = Spool(scratch / "log", kept, types)
    further = [f'"{name}"::{"FLOAT" if real else "TINYINT"} AS label'] if name in columns else []
    further += [f"{flag}::BOOLEAN AS {flag}" for flag in flags]
    further += [
        "true AS positive" if "positive" not in columns else "positive::BOOLEAN AS positive"
    ]
    _fill(db, spool, further, behaviours, card.contexts, progress)
    about = _side(db, "user", len(users))
    vectors = ingest_vectors(db, card, items, scratch)
    if card.group:
        users = _real_users(card, about)
    return RawLog(
        spool,
        users,
        items,
        about,
        _side(db, "item", len(items), vectors),
        behaviours,
        total - kept,
        faults,
        users.dictionary_encode().indices.to_numpy().astype(np.int64) if card.group else None,
        contexts,
        (*_unmatched(db), *missing(vectors)),
        vectors,
    )


def _real_users(card: Card, about: dict[str, pa.Array]) -> pa.Array:
    """Take the real user of each sequence out of the users table."""
    names = about.pop(card.group, None)
    if names is None or names.null_count:
        lacking = "some users have no" if names is not None else "the users table has no column"
        raise DataError(
            f"{card.name}: {lacking} '{card.group}', which the card says names the real user; mend "
            "the file or the dataset's reader"
        )
    return names


def _require_own_names(card: Card, db: duckdb.DuckDBPyConnection) -> None:
    """Raise `DataError` if a field's name is taken; prepared data go by the name alone."""
    taken = dict.fromkeys(RESERVED, "recbench itself")
    taken |= {name.lower(): "a label" for name in card.labels}
    for name in card.contexts:
        if name not in column_names(db, "events"):
            raise DataError(f"{card.name}: the reader makes no column '{name}', which its card has")
        if name.lower() in {*taken, *TAKEN, "label"}:
            raise DataError(
                f"{card.name}: the context '{name}' has a name that is used already; give it "
                "another one in the card and the dataset's reader"
            )
        taken[name.lower()] = "a context"
    for key in ("user", "item"):
        names = [name for name in column_names(db, f"{key}s") if name.lower() != key]
        for name in names:
            if owner := taken.get(name.lower()):
                raise DataError(
                    f"{card.name}: the {key}s table has a column '{name}', a name that {owner} "
                    "uses; give the column another one in the dataset's reader"
                )
        taken |= {name.lower(): f"the {key}s table" for name in names}


def _number(db: duckdb.DuckDBPyConnection, column: str) -> pa.Array:
    """Create `<column>_number(<column>, number)`; return the raw ids in order."""
    db.execute(
        f"""CREATE TABLE "{column}_number" AS
        SELECT "{column}", (row_number() OVER (ORDER BY "{column}") - 1)::INTEGER AS number
        FROM (SELECT DISTINCT "{column}" FROM log WHERE "{column}" IS NOT NULL)"""  # noqa: S608
    )
    query = f'SELECT "{column}" FROM "{column}_number" ORDER BY number'  # noqa: S608
    return db.sql(query).to_arrow_table().column(0).combine_chunks()


def behaviour_names(db: duckdb.DuckDBPyConnection, events: str) -> tuple[str, ...]:
    """Return the behaviours of a table, perhaps with a WHERE; `DataError` if they are too many."""
    rows = db.execute(f"SELECT DISTINCT behaviour FROM {events} ORDER BY ALL").fetchall()  # noqa: S608
    if len(rows) > BEHAVIOURS:
        raise DataError(
            f"the events have {len(rows):,} behaviours, and {BEHAVIOURS} is the most; choose a "
            "column of fewer values, such as view and buy"
        )
    return tuple(str(name) for (name,) in rows)


def _fill(
    db: duckdb.DuckDBPyConnection,
    spool: Spool,
    further: list[str],
    behaviours: tuple[str, ...],
    contexts: tuple[str, ...],
    progress: Progress,
) -> None:
    """Stream the ordered log into the spool."""
    if behaviours:
        code = "list_position($behaviours, behaviour) - 1"
        further = [*further, f"({code})::TINYINT AS behaviour"]
    codes = [f'coalesce("c.{name}".number, -1) AS "{context_column(name)}"' for name in contexts]
    joined = " ".join(
        f'LEFT JOIN "{name}_number" AS "c.{name}" USING ("{name}")' for name in contexts
    )
    kind = "history::BOOLEAN DESC, " if "history" in spool.columns else ""
    chosen = ", ".join([*further, *codes])
    query = f"""SELECT u.number AS user, i.number AS item, time::BIGINT AS time, {chosen}
        FROM log JOIN user_number u USING (user) JOIN item_number i USING (item) {joined}
        ORDER BY u.number, {kind}time, row"""  # noqa: S608
    values = {"behaviours": list(behaviours)} if behaviours else {}
    total, done = len(spool.columns["user"]), 0
    with progress.bar("sorting events", total, "events") as bar:
        for batch in db.sql(query, params=values).to_arrow_reader(ROWS):
            for name, column in spool.columns.items():
                column[done : done + len(batch)] = batch.column(name).to_numpy(zero_copy_only=False)
            done += len(batch)
            bar.advance(len(batch))


def _side(
    db: duckdb.DuckDBPyConnection, key: str, count: int, apart: Iterable[str] = ()
) -> dict[str, pa.Array]:
    """Return the further columns of the `items` or `users` table but some, a row each number."""
    if not column_names(db, f"{key}s"):
        return {}
    excluded = ", ".join(f'"{name}"' for name in (key, *apart))
    joined = db.sql(
        f"""SELECT n.number, s.* EXCLUDE ({excluded}) FROM {key}_number n
        LEFT JOIN {key}s s USING ({key}) ORDER BY n.number"""  # noqa: S608
    ).to_arrow_table()
    if len(joined) != count:
        twice = db.sql(
            f"SELECT {key} FROM {key}s SEMI JOIN {key}_number USING ({key}) GROUP BY {key} "  # noqa: S608
            "HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        ).fetchall()
        raise DataError(
            f"the {key}s table has more than one row for the {key} {twice[0][0]}; leave one of them"
        )
    columns = zip(joined.column_names[1:], joined.columns[1:], strict=True)
    return {name: column.combine_chunks() for name, column in columns}


def _unmatched(db: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield what is to be said of users and items without a row of their own."""
    for key in ("user", "item"):
        if column_names(db, f"{key}s"):
            alone = f"FROM {key}_number ANTI JOIN {key}s USING ({key})"
            ((without,),) = db.sql(f"SELECT count(*) {alone}").fetchall()  # noqa: S608
            if without:
                yield f"{key}s that only the log has: {without:,}; their further fields are unknown"
