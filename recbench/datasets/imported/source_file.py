"""Files of rows as users have them: which columns they have, and how they come into DuckDB."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recbench.data.manifest import file_checksum
from recbench.data.reading import disk_full, is_gzip, read_csv
from recbench.datasets.imported.description import SourceFile
from recbench.errors import DataError, UsageError

DELIMITERS = ("::", "\t", ",", ";", "|")
"""What is tried, in this order, where the user names no delimiter."""
NAMED = {"tab": "\t", "\\t": "\t"}
"""Delimiters that are hard to type."""
LONGEST = 4
"""Bytes that a delimiter may have."""
HEAD_BYTES = 1 << 18
HEAD_LINES = 50
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What text in UTF-16 begins with."""
AGREEING = 0.5
"""Share of the first lines that must have as many values as the first one."""


def inspect(path: Path, delimiter: str, encoding: str, *, header: bool) -> SourceFile:
    """Return what is known of a file by its beginning, its size and its digest.

    Args:
        path: A delimited text file, perhaps .gz, or a Parquet file.
        delimiter: What separates values; found out if empty.
        encoding: The character encoding of text.
        header: Whether the first line names the columns; if not, they are called 1, 2 and so on.

    Raises:
        UsageError: If there is no such file.
        DataError: If it is no such file, is empty, or two columns have one name.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if len(NAMED.get(delimiter, delimiter).encode()) > LONGEST or set(delimiter) & set('"\r\n'):
        raise UsageError(f"--delimiter '{delimiter}': one sign, or four bytes at most")
    parquet = path.suffix.lower() in (".parquet", ".pq")
    if parquet:
        delimiter, header, columns = "", True, _parquet_columns(path)
    else:
        lines = _first_lines(path, encoding)
        try:
            delimiter = NAMED.get(delimiter, delimiter) or _delimiter(path, lines)
            first = next(_split(lines[:1], delimiter))
        except csv.Error as error:
            raise DataError(f"{path}, first lines: {error}") from error
        names = first if header else [""] * len(first)
        columns = [name.strip() or str(place) for place, name in enumerate(names, 1)]
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise DataError(f"{path}: two columns are called '{twice[0]}'; give each its own name")
    return SourceFile(
        str(path),
        path.stat().st_size,
        file_checksum(path),
        "parquet" if parquet else "csv",
        tuple(columns),
        delimiter,
        header,
        encoding,  # type: ignore[arg-type]
    )


def load(
    db: duckdb.DuckDBPyConnection, table: str, file: SourceFile, path: Path, missing: Sequence[str]
) -> None:
    """Make the view `table`: `row`, its order in the file, and each column as text, c0, c1, ...

    Blanks around a value are no part of it; what is empty or in `missing` becomes null.

    Raises:
        DataError: If the file is damaged.
    """
    cells = [f"c{place}" for place in range(len(file.columns))]
    if file.form == "parquet":
        _load_parquet(db, f"{table}_lines", file, path)
    else:
        read_csv(
            db,
            f"{table}_lines",
            path,
            dict.fromkeys(cells, "VARCHAR"),
            delimiter=file.delimiter,
            header=file.header,
            quote='"',
            encoding=file.encoding,
        )
    none = ", ".join(map(text, ("", *missing)))
    chosen = ", ".join(
        f"CASE WHEN trim({cell}) NOT IN ({none}) THEN trim({cell}) END AS {cell}" for cell in cells
    )
    db.execute(f"CREATE VIEW {table} AS SELECT row, {chosen} FROM {table}_lines")  # noqa: S608


def text(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return the name of a column or table as SQL writes it."""
    return '"' + value.replace('"', '""') + '"'


def _load_parquet(db: duckdb.DuckDBPyConnection, table: str, file: SourceFile, path: Path) -> None:
    cells = [f"c{place}" for place in range(len(file.columns))]
    chosen = ", ".join(f"{cell}::VARCHAR AS {cell}" for cell in cells)
    # By place: DuckDB takes names that differ only in case for one.
    query = f"""SELECT row_number() OVER () AS row, {chosen}
        FROM read_parquet($path, hive_partitioning=false) AS file({", ".join(cells)})"""  # noqa: S608
    try:
        db.execute(f"CREATE TABLE {table} AS {query}", {"path": str(path)})
    except duckdb.Error as error:
        if disk_full(error) or isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _parquet_columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is no Parquet file, or damaged: {error}") from error


def _first_lines(path: Path, encoding: str) -> list[str]:
    """Return the first lines of a text file."""
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}; get the file again") from error
    if head.startswith(UTF_16) and encoding != "utf-16":
        raise DataError(f"{path} is in utf-16; give --encoding utf-16")
    if b"\0" in head and encoding != "utf-16":
        raise DataError(
            f"{path} is no text file; recbench reads CSV and the like, plain or .gz, and Parquet: "
            "export or unpack it as one of these"
        )
    whole = head if len(head) < HEAD_BYTES else head[: head.rfind(b"\n") + 1]
    try:
        decoded = whole.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not in {encoding}: {error}; give --encoding latin-1 or utf-16, or convert "
            "the file to UTF-8"
        ) from error
    first, *others = decoded.split("\n")[:HEAD_LINES]
    lines = [line.rstrip("\r") for line in (first, *others) if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty")
    if not first.strip():
        raise DataError(f"{path} begins with a blank line; take it out")
    return lines


def _delimiter(path: Path, lines: list[str]) -> str:
    """Return the delimiter that splits the first lines into the most columns, alike in all."""
    sizes = {each: [len(row) for row in _split(lines, each)] for each in DELIMITERS}
    alike = [
        each
        for each, found in sizes.items()
        if found[0] > 1 and found.count(found[0]) >= AGREEING * len(found)
    ]
    if not alike:
        raise DataError(
            f"{path}: no delimiter splits its lines into columns; the first one is "
            f"'{lines[0][:80]}'. Give --delimiter"
        )
    return max(alike, key=lambda each: sizes[each][0])


def _split(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    if len(delimiter) > 1:
        return (line.split(delimiter) for line in lines)
    return csv.reader(lines, delimiter=delimiter)
