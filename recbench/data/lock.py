"""Work that one process does while others wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recbench.progress import Progress


@contextmanager
def only_one(path: Path, doing: str, progress: Progress) -> Iterator[None]:
    """Hold the lock at `path` while the body runs.

    Args:
        path: The lock's own file; its folder is made if it does not exist.
        doing: What another process does that holds it, after "another process is".
        progress: Told that there is a wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"another process is {doing}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
