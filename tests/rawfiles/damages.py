"""Ways in which raw files go wrong, as transformations of right ones.

Each takes a `RawFile` and returns its bytes afterwards, or None where it does not apply.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable

from rawfiles.raw_file import RawFile

FEW = 3
"""Rows that are damaged where it is not all of them."""
USERS, ITEMS = ("user", "session"), ("item", "video", "movie")
"""What readers call the columns of ids, at the beginning of the name."""
BIG = 1 << 40
NUMBER = re.compile(r"-?[0-9]+")

Damage = Callable[[RawFile], bytes | None]


def as_windows(file: RawFile) -> bytes | None:
    """Save it as editors on Windows do: with a byte order mark, CRLF, an empty line at the end."""
    if not file.is_text:
        return None
    return f"{file.text}\n".replace("\n", "\r\n").encode("utf-8-sig")


def packed(file: RawFile) -> bytes:
    """Pack it with gzip, the last line without its end."""
    return gzip.compress(file.data.rstrip(b"\n") if file.is_text else file.data)


def missing_column(file: RawFile) -> bytes | None:
    """Leave out the last column of each row, the header's too."""
    return _each_line(file, lambda line: line.rpartition(file.delimiter)[0])


def missing_in_some(file: RawFile) -> bytes | None:
    """Leave out the last column of a few rows."""
    if not file.is_table:
        return None
    return file.with_rows([row[:-1] if n < FEW else row for n, row in enumerate(file.rows)])


def extra_column(file: RawFile) -> bytes | None:
    """Add a column at the end."""
    return _each_line(file, lambda line: f"{line}{file.delimiter}more")


def wrong_type(file: RawFile) -> bytes | None:
    """Write words into the first column of numbers of a few rows, or in place of these rows."""
    if not file.columns:
        return file.with_lines(["word\n"] * FEW + file.lines[FEW:]) if file.is_text else None
    numbers = [n for n, kind in enumerate(file.types) if not kind.startswith(("VARCHAR", "ENUM"))]
    if file.is_table and not numbers:
        return None
    rows = [
        [*row[: (place := numbers[0] if numbers else 0)], "word", *row[place + 1 :]]
        if n < FEW
        else row
        for n, row in enumerate(file.rows)
    ]
    return file.with_rows(rows)


def fractions(file: RawFile) -> bytes | None:
    """Make fractions of the whole numbers of a few rows."""
    if file.columns == ("line",):
        changed = [NUMBER.sub(r"\g<0>.7", line) for line in file.lines[:FEW]]
        return file.with_lines([*changed, *file.lines[FEW:]])
    return _few_numbers(file, lambda value: f"{value}.7")


def no_value(file: RawFile) -> bytes | None:
    """Leave the ids of a few rows empty."""
    return _ids(file, (*USERS, *ITEMS), lambda _: "", few=True)


def empty(file: RawFile) -> bytes:
    """Leave nothing."""
    return b""


def header_only(file: RawFile) -> bytes | None:
    """Leave the first line.

    Not where that is a row of a table without a header: such a file is but smaller, which the
    counts of the published release tell, and drawn files have none.
    """
    if file.columns and not file.header:
        return None
    return b"".join(file.data.splitlines(keepends=True)[:1])


def wide_encoding(file: RawFile) -> bytes | None:
    """Save it as UTF-16."""
    return file.text.encode("utf-16") if file.is_text else None


def broken_encoding(file: RawFile) -> bytes | None:
    """Write bytes that are no UTF-8 into the last row."""
    if not file.is_text or file.encoding != "utf-8":
        return None
    return file.data.rstrip(b"\n") + b"\xff\xfe\n"


def truncated(file: RawFile) -> bytes:
    """Pack it and lose the second half."""
    whole = packed(file)
    return whole[: len(whole) // 2]


def cut_short(file: RawFile) -> bytes:
    """Pack it and lose the last byte, which is of its length."""
    return packed(file)[:-1]


def wrong_checksum(file: RawFile) -> bytes:
    """Pack it with another file's checksum."""
    whole = packed(file)
    return whole[:-8] + bytes(byte ^ 255 for byte in whole[-8:-4]) + whole[-4:]


def duplicates(file: RawFile) -> bytes | None:
    """Repeat a few rows at the end."""
    return file.with_lines([*file.lines, *file.lines[:FEW]]) if file.columns else None


def shuffled(file: RawFile) -> bytes | None:
    """Put rows into random order."""
    if not file.columns:
        return None
    lines = file.lines
    random.Random(1).shuffle(lines)
    return file.with_lines(lines)


def lonely_user(file: RawFile) -> bytes | None:
    """Add an event of a user who has no other."""
    return _added(file, USERS) if file.places(*ITEMS) else None


def late_item(file: RawFile) -> bytes | None:
    """Add an event of an item that has no other, like the last of the log."""
    return _added(file, ITEMS) if file.places(*USERS) else None


def milliseconds(file: RawFile) -> bytes | None:
    """Make milliseconds of seconds."""
    return _ids(file, ("time",), lambda value: f"{value}000") if _timed(file) else None


def some_milliseconds(file: RawFile) -> bytes | None:
    """Make milliseconds of the seconds of a few rows."""
    return _ids(file, ("time",), lambda value: f"{value}000", few=True) if _timed(file) else None


def negative_ids(file: RawFile) -> bytes | None:
    """Put a minus before ids."""
    return _every_id(file, lambda number: -number)


def big_ids(file: RawFile) -> bytes | None:
    """Add 2^40 to ids."""
    return _every_id(file, lambda number: number + BIG)


SAME: tuple[Damage, ...] = (as_windows, packed)
"""What a reader overlooks; it is done to all files at once."""
LOST: tuple[Damage, ...] = (
    missing_column,
    missing_in_some,
    extra_column,
    wrong_type,
    fractions,
    no_value,
    empty,
    header_only,
    wide_encoding,
    broken_encoding,
    milliseconds,
    some_milliseconds,
)
"""What takes something away: it is refused, or what is lost is counted."""
BROKEN: tuple[Damage, ...] = (truncated, cut_short, wrong_checksum)
"""What is refused, even if all rows are there."""
KEPT: tuple[Damage, ...] = (duplicates, shuffled, lonely_user, late_item)
"""What is no fault: everything stays, or the file is refused."""
RENAMED: tuple[Damage, ...] = (negative_ids, big_ids)
"""Other ids for the same things; it is done to all files at once."""


def _timed(file: RawFile) -> bool:
    """Return whether the times are seconds since 1970."""
    return any(len(file.rows[0][place]) > 8 for place in file.places("time"))


def _each_line(file: RawFile, change: Callable[[str], str]) -> bytes | None:
    if not file.is_table:
        return None
    lines = file.text.splitlines()
    return "".join(change(line) + "\n" for line in lines).encode(file.encoding)


def _ids(
    file: RawFile, names: tuple[str, ...], change: Callable[[str], str], *, few: bool = False
) -> bytes | None:
    places = file.places(*names)
    if not file.is_table or not places:
        return None
    rows = [
        [change(value) if n in places and (k < FEW or not few) else value for n, value in row]
        for k, row in enumerate(map(enumerate, file.rows))
    ]
    return file.with_rows(rows)


def _few_numbers(file: RawFile, change: Callable[[str], str]) -> bytes | None:
    """Change the whole numbers of a few rows of a table, whatever they mean."""
    kinds = [kind.endswith(("INT", "INTEGER")) for kind in file.types]
    if not file.is_table or not any(kinds):
        return None
    rows = [
        [change(v) if whole and v else v for whole, v in zip(kinds, row, strict=True)]
        for row in file.rows[:FEW]
    ]
    return file.with_rows([*rows, *file.rows[FEW:]])


def _every_id(file: RawFile, change: Callable[[int], int]) -> bytes | None:
    """Change the columns of ids; every number of a line that is one value."""
    if file.is_table:
        return _ids(
            file,
            (*USERS, *ITEMS),
            lambda value: str(change(int(value))) if NUMBER.fullmatch(value) else value,
        )
    if file.columns != ("line",):
        return None
    return NUMBER.sub(lambda found: str(change(int(found[0]))), file.text).encode(file.encoding)


def _added(file: RawFile, names: tuple[str, ...]) -> bytes | None:
    """Add a row like the last by time, with an id that no other row has."""
    places, times = file.places(*names)[:1], file.places("time")[:1]
    if not file.is_table or not places:
        return None
    rows = file.rows
    last = max(rows, key=lambda row: [int(row[place]) for place in times])
    fresh = 1 + max(int(row[places[0]]) for row in rows)
    return file.with_rows([*rows, [str(fresh) if n in places else v for n, v in enumerate(last)]])


def gzipped(damage: Damage) -> bool:
    """Return whether what a damage leaves is called .gz."""
    return damage is packed or damage in BROKEN
