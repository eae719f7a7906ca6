"""Errors of reading raw files say which files they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from recbench.errors import DataError


@contextmanager
def naming(files: Mapping[str, Path]) -> Iterator[None]:
    """Make a `DataError` of reading the files say where they are, if it names none of them."""
    try:
        yield
    except DataError as error:
        if not files or any(str(path) in str(error) for path in files.values()):
            raise
        read = ", ".join(dict.fromkeys(map(str, files.values())))
        raise DataError(f"{error}\nread from {read}") from error
