"""Files whose rows carry their histories: which rows share one, and what is in it.

Every history of a user is a sequence, and stored once however many rows have it. Its events come at
one moment and all its targets at the next: so no target is in another's history. Sequences have
the order of the first rows that have them: parts that time makes hold whole sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data.reading import read_csv, types_by_header, whole_number
from recbench.errors import DataError


def read_sequences(
    db: duckdb.DuckDBPyConnection,
    files: Mapping[str, Path],
    columns: Mapping[str, str],
    member: str,
    histories: Mapping[str, str],
    order: str = "row",
) -> None:
    """Read the files `train` and `test`, which have a header; make `lines` and `past`.

    `lines` has a row for each of the files, those of test last: `row`, `testing`, `user` (the
    sequence, which is the first `row` that has it), `began` (the sequence's place among all) and
    the columns. `past` has a row for each event of each sequence: `user`, `testing`, `began`,
    `place` (its order) and the parts of the histories.

    Args:
        db: The connection.
        files: The files by role.
        columns: Type of each column that is read. The files may have others.
        member: The column that names the real user.
        histories: The columns that are histories, joined by `^`, and what their parts are called.
        order: The column by which rows are ordered.

    Raises:
        DataError: If a column is missing, a row names no user, or its histories differ in length.
    """
    for role in ("train", "test"):
        types = types_by_header(files[role], columns)
        read_csv(db, f"{role}_file", files[role], types, header=True)
        lengths = [f"coalesce(len(string_split({name}, '^')), 0)" for name in histories]
        odd = " OR ".join(f"{lengths[0]} != {length}" for length in lengths)
        _require(db, role, files[role], f"{member} IS NULL", f"no '{member}'")
        _require(db, role, files[role], odd, f"{', '.join(histories)} of different lengths")
    texts = ", ".join(f"coalesce({name}, '')" for name in histories)
    names = ", ".join(columns)
    db.execute(
        f"""CREATE VIEW both_files AS
        SELECT row, false AS testing, {names} FROM train_file
        UNION ALL
        SELECT row + (SELECT count(*) FROM train_file), true, {names} FROM test_file;
        CREATE TABLE digests AS
        SELECT row, testing, {member} AS member, md5_number(concat_ws('|', {texts})) AS digest,
                {order} AS moment
        FROM both_files;
        CREATE TABLE sequences AS
        SELECT testing, member, digest, min(row) AS user,
               row_number() OVER (ORDER BY min(moment), min(row)) AS began
        FROM digests GROUP BY ALL;
        CREATE TABLE owners AS
        SELECT row, user, began FROM digests JOIN sequences USING (testing, member, digest);
        DROP TABLE digests;
        CREATE VIEW lines AS SELECT * FROM both_files JOIN owners USING (row);
        CREATE TABLE past AS
        SELECT user, testing, began, generate_subscripts({next(iter(histories))}, 1) AS place,
               {", ".join(f"unnest({name}) AS {part}" for name, part in histories.items())}
        FROM (SELECT user, testing, began,
                     {", ".join(f"string_split({name}, '^') AS {name}" for name in histories)}
              FROM lines WHERE row = user)"""  # noqa: S608
    )


def make_log(
    db: duckdb.DuckDBPyConnection, label: str, member: str, item: str, category: str = ""
) -> None:
    """Make `events`, `items` and `users` of `lines` and `past`, whose parts are `item`, `category`.

    Args:
        db: The connection.
        label: The column of `lines` that is the label, of the type `BOOLEAN`.
        member: The one that names the real user.
        item: The one that names the target.
        category: The one that names its category, if there is one.
    """
    db.execute(
        f"""CREATE TABLE events AS
        SELECT row, user, {item} AS item, began + 1 AS time, true AS positive,
               {label} = '1' AS label, testing
        FROM lines
        UNION ALL
        SELECT place, user, {whole_number("item")}, began, false, false, testing FROM past;
        CREATE TABLE users AS SELECT user, {member} AS member FROM lines WHERE row = user"""  # noqa: S608
    )
    if category:
        db.execute(
            f"""CREATE TABLE items AS
            SELECT item, min(category) AS category
            FROM (SELECT {item} AS item, {category} AS category FROM lines
                  UNION ALL
                  SELECT {whole_number("item")}, {whole_number("category")} FROM past)
            GROUP BY item"""  # noqa: S608
        )


def _require(db: duckdb.DuckDBPyConnection, role: str, path: Path, odd: str, what: str) -> None:
    """Raise `DataError` if rows of a file are odd, as an SQL condition says."""
    found = db.execute(f"SELECT min(row), count(*) FROM {role}_file WHERE {odd}").fetchone()  # noqa: S608
    if found and found[1]:
        raise DataError(
            f"{path}: {found[1]:,} rows have {what}, the first is row {found[0]} after the header; "
            "mend the file or get it again"
        )
