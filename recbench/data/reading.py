"""Reading raw files into DuckDB: malformed rows are counted and located, never lost in silence."""

from __future__ import annotations

import codecs
import errno
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Literal, TextIO

import duckdb

from recbench.errors import DataError

MALFORMED = "malformed_rows"
"""The table of rows that readers leave out themselves: place and number, one behind the other, say
where, and why."""
EXAMPLES = 5
"""Malformed rows that are told of."""
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
"""DuckDB's types of whole numbers. It rounds what has a point, so that goes through `EXACT`."""
EXACT = "DECIMAL(38,18)"
BOOLEAN = "ENUM(''0'', ''1'')"
"""Type of a column of zeros and ones."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class Rejected:
    """Rows that could not be read, and what else the reader has to say.

    Attributes:
        count: How many could not be read.
        examples: Up to five of them, as "file:line: why".
        remarks: How many rows, and what of them.
    """

    count: int
    examples: tuple[str, ...]
    remarks: tuple[tuple[int, str], ...] = ()

    @property
    def reports(self) -> list[str]:
        """What a manifest says about them: sentences, or nothing if there are none."""
        remarks = [f"{count:,} rows {what}" for count, what in self.remarks]
        if not self.count:
            return remarks
        return [f"{self.count:,} malformed rows left out: {'; '.join(self.examples)}", *remarks]


def read_csv(
    db: duckdb.DuckDBPyConnection,
    table: str,
    path: Path,
    columns: Mapping[str, str],
    *,
    delimiter: str = ",",
    header: bool = False,
    quote: str = "",
    encoding: str = "utf-8",
) -> None:
    """Create `table` from a delimited text file, plain or .gz, with a column `row` in file order.

    Args:
        db: The connection to create it in.
        table: The table's name.
        path: The file.
        columns: DuckDB type of each column, in the file's order.
        delimiter: What separates columns.
        header: Whether the first line names the columns.
        quote: The character around values, if any; within a value it stands doubled.
        encoding: The file's character encoding; a byte order mark in the file overrules it.

    A row with a fraction in a column of whole numbers is malformed.

    Raises:
        DataError: If the file is damaged or has no rows.
    """
    encoding = "utf-8" if _marked(path) else encoding
    suspect = _has_point(path)
    whole = {name: kind for name, kind in columns.items() if suspect and kind in WHOLE}
    read_as = {**columns, **dict.fromkeys(whole, EXACT)}
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in read_as.items())
    # A line without anything is no row; only where there is one column does DuckDB make it one.
    chosen = f'WHERE "{next(iter(columns))}" IS NOT NULL' if len(columns) == 1 else ""
    query = f"""CREATE TABLE {table} AS SELECT row_number() OVER () AS row, *
        FROM read_csv($path, auto_detect=false, header={header}, delim=$delimiter, quote=$quote,
                      escape=$quote, columns={{{types}}}, encoding=$encoding, store_rejects=true,
                      rejects_limit=0, max_line_size=16000000) {chosen}"""  # noqa: S608
    values = {"path": str(path), "delimiter": delimiter, "quote": quote, "encoding": encoding}
    try:
        db.execute(query, values)
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        if disk_full(error):
            raise
        raise damaged(path, str(error).splitlines()[0]) from error
    _require_rows(db, table, path)
    if whole:
        _leave_out_fractions(db, table, path, whole)


def types_by_header(path: Path, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the type of each column of a comma-separated file, in the order of its header.

    Args:
        path: The file, plain or .gz.
        columns: DuckDB type of each column that is wanted. The others are called other0, other1...

    Raises:
        DataError: If one of them is not there.
    """
    with open_text(path) as file:
        header = file.readline().strip().split(",")
    if missing := [name for name in columns if name not in header]:
        raise DataError(f"{path}: the header has no {', '.join(missing)}; get the file again")
    return {
        name if name in columns else f"other{place}": columns.get(name, "VARCHAR")
        for place, name in enumerate(header)
    }


def make_malformed(db: duckdb.DuckDBPyConnection) -> None:
    """Make the table `MALFORMED`, if there is none yet."""
    columns = "place VARCHAR, number BIGINT, why VARCHAR"
    db.execute(f"CREATE TABLE IF NOT EXISTS {MALFORMED} ({columns})")


def whole_number(text: str) -> str:
    """Return SQL for the whole number that the SQL of a text says.

    An error where it says another number, which DuckDB alone would round, or none.
    """
    return f"""CASE WHEN regexp_matches({text}, '[.eE]')
        THEN error(concat('no whole number: ', {text})) ELSE {text}::BIGINT END"""


def disk_full(error: BaseException) -> bool:
    """Return whether an error of any library says that the disk or a quota is full."""
    codes = errno.ENOSPC, errno.EDQUOT
    said = any(os.strerror(code) in str(error) for code in codes)
    return said or getattr(error, "errno", None) in codes


def rejected(db: duckdb.DuckDBPyConnection) -> Rejected:
    """Return the malformed rows of all files, and what the table `remarks` says.

    They are those that could not be read and those of the table `MALFORMED`.
    """
    tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    remarks: tuple[tuple[int, str], ...] = ()
    if "remarks" in tables:
        query = "SELECT count, what FROM remarks WHERE count > 0 ORDER BY what"
        remarks = tuple((int(count), str(what)) for count, what in db.execute(query).fetchall())
    count, examples = 0, []
    if "reject_errors" in tables:
        rows = db.execute(
            """SELECT file_path || ':' || line,
                   replace(first(error_message), '''DECIMAL''', 'a whole number')
            FROM reject_errors
            JOIN reject_scans USING (scan_id, file_id) GROUP BY file_path, line
            ORDER BY file_path, line"""
        ).fetchall()
        count, examples = len(rows), rows[:EXAMPLES]
    if MALFORMED in tables:
        count += db.execute(f"SELECT count(*) FROM {MALFORMED}").fetchall()[0][0]  # noqa: S608
        examples += db.execute(
            f"SELECT place || number, why FROM {MALFORMED} ORDER BY place, number LIMIT {EXAMPLES}"  # noqa: S608
        ).fetchall()
    told = tuple(f"{place}: {why}" for place, why in examples[:EXAMPLES])
    return Rejected(count, told, remarks)


@contextmanager
def open_text(path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Open a text file, plain or .gz.

    Raises:
        DataError: If the file turns out to be damaged, also while the caller reads it.
    """
    opener = gzip.open if is_gzip(path) else open
    encoding = "utf-8-sig" if _marked(path) else encoding
    try:
        with opener(path, "rt", encoding=encoding) as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise damaged(path, str(error)) from error


def is_gzip(path: Path) -> bool:
    """Return whether a file's name says that it is packed with gzip."""
    return path.suffix.lower() == ".gz"


def content_digest(path: Path, algorithm: Literal["md5", "sha256"]) -> str:
    """Return the digest of a file's content, plain or .gz.

    Raises:
        DataError: If the file is damaged.
    """
    with open_bytes(path) as file:
        new = partial(hashlib.new, algorithm, usedforsecurity=False)
        return hashlib.file_digest(file, new).hexdigest()


def content_size(path: Path) -> int:
    """Return the bytes of a file's content, plain or .gz; `DataError` if it is damaged."""
    with open_bytes(path) as file:
        return file.seek(0, os.SEEK_END)


@contextmanager
def open_bytes(path: Path) -> Iterator[gzip.GzipFile | BufferedReader]:
    """Open a file, plain or .gz; a `DataError` if that turns out to be damaged on the way."""
    opener = gzip.open if is_gzip(path) else open
    try:
        with opener(path, "rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, str(error)) from error


def _marked(path: Path) -> bool:
    """Return whether a text begins with UTF-8's byte order mark, as some editors leave it."""
    with open_bytes(path) as file:
        return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _has_point(path: Path) -> bool:
    """Return whether a file may hold a fraction, having read one that is packed to its end.

    There are its checksum and its length, which DuckDB does not look at.
    """
    found, last = False, b""
    with open_bytes(path) as file:
        while block := file.read(CHUNK):
            seen = last + block
            found = found or any(sign in seen for sign in (b".", b"e-", b"E-"))
            if found and not is_gzip(path):
                break
            last = block[-1:]
    return found


def _leave_out_fractions(
    db: duckdb.DuckDBPyConnection, table: str, path: Path, whole: Mapping[str, str]
) -> None:
    """Make columns that were read as `EXACT` the whole numbers they are to be."""
    cast = {name: f'try_cast("{name}" AS {kind})' for name, kind in whole.items()}
    odd = " OR ".join(f'"{name}" IS DISTINCT FROM {number}' for name, number in cast.items())
    why = " ".join(
        f"""WHEN "{name}" IS DISTINCT FROM {number} THEN 'no whole number in "{name}"'"""
        for name, number in cast.items()
    )
    exact = ", ".join(f'{number} AS "{name}"' for name, number in cast.items())
    make_malformed(db)
    db.execute(
        f"""INSERT INTO {MALFORMED} SELECT $place, row, CASE {why} END FROM {table} WHERE {odd}""",  # noqa: S608
        {"place": f"{path}, row "},
    )
    db.execute(
        f"""CREATE OR REPLACE TABLE {table} AS
        SELECT * REPLACE ({exact}) FROM {table} WHERE NOT ({odd})"""  # noqa: S608
    )


def _require_rows(db: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    """Raise `DataError` if a file has no rows, or a quote that swallowed some of them."""
    faults = db.execute(
        """SELECT error_type = 'UNQUOTED VALUE' AND contains(trim(csv_line, chr(10)), chr(10))
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id) WHERE file_path = $path""",
        {"path": str(path)},
    ).fetchall()
    if (True,) in faults:
        raise damaged(path, "a quote is opened and never closed, and rows after it are lost")
    if not faults and not db.sql(f"SELECT 1 FROM {table} LIMIT 1").fetchall():  # noqa: S608
        raise damaged(path, "it has no rows")


def damaged(path: Path, why: str) -> DataError:
    """Return the error for a raw file that cannot be what its name says."""
    return DataError(f"{path} is damaged or not in the expected format: {why}; get the file again")
