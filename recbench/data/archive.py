"""Archives of raw files (.zip, .tar.gz, .7z): single members taken out, nothing else let in."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

from recbench.errors import DataError
from recbench.progress import Bar, Progress

SUFFIXES = (".zip", ".tar.gz", ".7z")
LARGEST = 64 << 30
"""Bytes that a member may have; the largest of a published log have a third of that."""
RATIO = 200
"""How much larger than its archive a member may be; logs of numbers and words shrink 3 to 30 times.

Deflate could reach 1,032 and LZMA far more, but on text that repeats itself alone.
"""
ALWAYS = 64 << 20
"""Bytes that a member may have whatever the archive's size: small files may shrink more."""
CHUNK = 1 << 20
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
)


class Taking:
    """The members to take out of one archive, each checked before and while it is written.

    Attributes:
        archive: The archive.
        targets: For each wanted base name, where the member goes.
    """

    def __init__(self, archive: Path, targets: Mapping[str, Path]) -> None:
        self.archive = archive
        self.targets = targets
        self._bound = min(LARGEST, max(ALWAYS, RATIO * archive.stat().st_size))
        self._taken: set[str] = set()

    def wants(self, member: str, size: int, *, regular: bool) -> bool:
        """Return whether a member is to be written, by its path in the archive.

        Raises:
            DataError: If it has a wanted name and is not to be trusted, or is the second of it.
        """
        parts = re.split(r"[/\\]", member)
        if parts[-1] not in self.targets:
            return False
        if not regular:
            raise self.refused(f"{member} in it is a link or another thing that is no file")
        if not parts[0] or ":" in parts[0] or ".." in parts:
            raise self.refused(f"the path {member} in it leads out of it")
        if parts[-1] in self._taken:
            raise self.ambiguous(parts[-1])
        self._taken.add(parts[-1])
        self.allow(size, member)
        return True

    def allow(self, size: int, member: str) -> None:
        """Raise `DataError` if a member, of which `size` bytes are known, is too large."""
        if size > self._bound:
            raise self.refused(f"{member} unpacks to more than {self._bound:,} bytes")

    def open(self, member: str) -> Sink:
        """Return where to write a wanted member."""
        return Sink(self, re.split(r"[/\\]", member)[-1])

    def finish(self) -> None:
        """Raise `DataError` unless every wanted member was taken."""
        for name in self.targets:
            if name not in self._taken:
                raise self.ambiguous(name)

    def refused(self, why: str) -> DataError:
        """Return the error for an archive that is not to be trusted."""
        return DataError(f"{self.archive} is refused: {why}; get the file from its publisher")

    def ambiguous(self, name: str) -> DataError:
        """Return the error for a member that is not there, or there twice."""
        return DataError(f"{self.archive} does not hold one file called {name}; get it again")


class Sink:
    """A file that stops growing where a member of its archive may not be larger."""

    def __init__(self, taking: Taking, name: str) -> None:
        self._taking, self._name, self._size = taking, name, 0
        self._file = taking.targets[name].open("wb")

    def write(self, data: bytes | bytearray) -> int:
        """Append `data`.

        Raises:
            DataError: If the member is too large.
        """
        self._size += len(data)
        self._taking.allow(self._size, self._name)
        return self._file.write(data)

    def copy(self, source: IO[bytes]) -> None:
        """Append everything that `source` yields."""
        while data := source.read(CHUNK):
            self.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Watched(io.FileIO):
    """A file that moves a bar as it is read."""

    def __init__(self, path: Path, bar: Bar) -> None:
        super().__init__(path)
        self._bar = bar

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        count = super().readinto(buffer)
        self._bar.advance(count or 0)
        return count


class _Bounded(io.RawIOBase):
    """What a compressed archive unpacks to, the members included that nobody wants."""

    def __init__(self, source: gzip.GzipFile, taking: Taking) -> None:
        self._source, self._taking, self._size = source, taking, 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._size += len(data)
        self._taking.allow(self._size, "what is packed")
        return data


def unpack(
    archive: Path, names: Collection[str], folder: Path, progress: Progress
) -> Mapping[str, Path]:
    """Take the members of the given base names out of an archive; return where they are.

    A member is found in whatever folder of the archive it is, and written to `folder` under its
    base name alone.

    Raises:
        DataError: If the archive is damaged or cannot be read, does not hold each name once, or
            one of them is a link, has a path that leads out, or unpacks to more than `LARGEST`
            bytes or `RATIO` times the archive.
    """
    taking = Taking(archive, {name: folder / name for name in names})
    with ExitStack() as stack:
        size = archive.stat().st_size
        bar = stack.enter_context(progress.bar(f"unpacking {archive.name}", size, "bytes"))
        source = stack.enter_context(io.BufferedReader(_Watched(archive, bar), CHUNK))
        try:
            _take(source, taking)
        except _DAMAGED as error:
            raise DataError(f"{archive} is damaged ({error}); get the file again") from error
        except RuntimeError as error:  # encrypted, or of a compression that Python lacks
            raise DataError(
                f"{archive} cannot be unpacked here ({error}); unpack it yourself in its folder"
            ) from error
    taking.finish()
    return taking.targets


def _take(source: IO[bytes], taking: Taking) -> None:
    if taking.archive.name.endswith(".zip"):
        _take_zip(source, taking)
    elif taking.archive.name.endswith(".tar.gz"):
        _take_tar(source, taking)
    else:
        from recbench.data.seven_zip import take  # only when needed, for it imports much

        take(source, taking)


def _take_zip(source: IO[bytes], taking: Taking) -> None:
    with zipfile.ZipFile(source) as file:
        for member in file.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            regular = kind in (0, stat.S_IFREG)
            if not member.is_dir() and taking.wants(
                member.filename, member.file_size, regular=regular
            ):
                with file.open(member) as packed, closing(taking.open(member.filename)) as sink:
                    sink.copy(packed)


def _take_tar(source: IO[bytes], taking: Taking) -> None:
    with gzip.GzipFile(fileobj=source) as stream:
        bounded = _Bounded(stream, taking)
        with tarfile.open(fileobj=bounded, mode="r|") as file:
            for member in file:
                regular = member.isreg() and not member.issparse()
                if not member.isdir() and taking.wants(member.name, member.size, regular=regular):
                    packed = file.extractfile(member)
                    if packed is not None:
                        with packed, closing(taking.open(member.name)) as sink:
                            sink.copy(packed)
        while bounded.read(CHUNK):  # to the end, where the checksum is
            pass
