"""The sole right to make a run, and room for its result on the disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recbench.errors import UnwritableError


class Claim:
    """A lock that one process at a time holds; the kernel takes it back when the process ends.

    Args:
        path: The lock's own file. Its folder is made if need be; it is there while the lock is held
            and, if its holder was killed, afterwards, which blocks nobody.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def take(self, *, wait: bool = False) -> bool:
        """Return whether the lock is held now.

        Args:
            wait: Whether to wait until another process releases it.

        Raises:
            UnwritableError: If the file cannot be written.
        """
        while True:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise unwritable(self._path.parent, error) from error
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(self._file)
                return False
            with suppress(FileNotFoundError):  # its holder has removed it, and it locks nothing
                if os.path.samestat(os.fstat(self._file), self._path.stat()):
                    return True
            os.close(self._file)

    def release(self) -> None:
        """Give the lock up, and remove its file."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._file)


@contextmanager
def sole(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold the lock at `path` while the body runs; `busy` is called if another process has it."""
    claim = Claim(path)
    if not claim.take():
        busy()
        claim.take(wait=True)
    try:
        yield
    finally:
        claim.release()


def require_room(folder: Path, size: int) -> None:
    """Make sure that a file of `size` bytes can be written to `folder`, and leave none there.

    Raises:
        UnwritableError: If it cannot.
    """
    probe = folder / f".room.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with probe.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, max(size, 1))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> UnwritableError:
    """Return the failure for a folder of results that cannot be written to."""
    return UnwritableError(
        f"cannot write to {folder}: {error.strerror or error}; free some space, make the folder "
        "writable, or choose another with --results"
    )
