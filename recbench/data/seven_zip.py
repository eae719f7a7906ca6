"""Archives in 7-Zip's format, read by py7zr."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import IO

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from recbench.data.archive import Sink, Taking
from recbench.errors import DataError


class _Member(Py7zIO):
    """A member as it is written; py7zr reads nothing back."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._size = sink, 0

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        return self._sink.write(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._size


class _Members(WriterFactory):
    """Opens a member's file when its turn comes; `stack` closes them all."""

    def __init__(self, taking: Taking, stack: ExitStack) -> None:
        self._taking, self._stack = taking, stack

    def create(self, filename: str) -> Py7zIO:
        return _Member(self._stack.enter_context(closing(self._taking.open(filename))))


def take(source: IO[bytes], taking: Taking) -> None:
    """Write the wanted members of an archive.

    Raises:
        DataError: As `recbench.data.archive.unpack` does.
    """
    try:
        with ExitStack() as stack, py7zr.SevenZipFile(source) as file:
            wanted = [
                member.filename
                for member in file.list()
                if not member.is_directory
                and taking.wants(member.filename, member.uncompressed, regular=member.is_file)
            ]
            if wanted:
                file.extract(targets=wanted, factory=_Members(taking, stack))
    except (DataError, MemoryError):
        raise
    except py7zr.exceptions.PasswordRequired as error:
        raise RuntimeError("it is encrypted") from error
    except Exception as error:  # what py7zr raises on a damaged file is of many kinds
        if isinstance(error, OSError) and error.errno:
            raise
        raise EOFError(f"{type(error).__name__}: {error}") from error
