"""A process of its own for the code of plugins: watched, limited, and ended with all it started."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any
from uuid import uuid4

import psutil

from recbench.device import VISIBLE
from recbench.suite.limits import Limits

MARK = "RECBENCH_CHILD"
"""Environment variable that every process has which a child has started."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TICK_SECONDS = 0.05
"""Time between two looks at what a child tells."""
MEMORY_SECONDS = 0.2
"""Time between two looks at the memory of a child."""
DUMP_SECONDS = 0.5
"""How long a child that is to be ended has to write down where it is."""
ROUNDS = 20
"""How often to look for processes that a child has left, which may start others meanwhile."""


class Child:
    """A worker process.

    Args:
        asked: What it is to do, as `recbench.suite.worker` reads it.
        log: The open file for all that it prints.
        limits: What it may use.
        card: The only GPU it may use, as `CUDA_VISIBLE_DEVICES` calls it; any if empty.
    """

    def __init__(
        self, asked: Mapping[str, Any], log: IO[bytes], limits: Limits, card: str = ""
    ) -> None:
        self._limits, self._mark, self._card = limits, uuid4().hex, card
        self._rest, self._ended_for = b"", ""
        self._started, self._looked = math.inf, monotonic()
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        orders, self._life = os.pipe()  # it ends itself when nobody holds this end any more
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "recbench.suite.worker", str(writer)],
                stdin=orders,
                stdout=log,
                stderr=log,
                env=self._environment(),
                pass_fds=(writer,),
                start_new_session=True,
            )
        except OSError:
            os.close(self._reader)
            os.close(self._life)
            raise
        finally:
            os.close(writer)
            os.close(orders)
        line = (json.dumps({**asked, "threads": limits.threads}) + "\n").encode()
        with suppress(BrokenPipeError):  # it has ended already, which its exit code tells
            while line:
                line = line[os.write(self._life, line) :]

    def _environment(self) -> dict[str, str]:
        """Return the environment: the same code is found, and no more threads are started."""
        path = os.pathsep.join(dict.fromkeys(each or str(Path.cwd()) for each in sys.path))
        threads = dict.fromkeys(THREADS, str(self._limits.threads))
        card = {VISIBLE: self._card} if self._card else {}
        return {**os.environ, **threads, **card, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1",
                MARK: self._mark}  # fmt: skip

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what it has told since the last time; lines that are no events are left out."""
        with suppress(BlockingIOError):
            while piece := os.read(self._reader, 1 << 16):
                self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            with suppress(ValueError, TypeError):
                event = json.loads(line)
                if "begun" in event:  # of the code of plugins alone the time is limited
                    self._started = monotonic() if event["begun"] == "code" else math.inf
                elif isinstance(event, dict):
                    yield event

    def events_to_the_end(self) -> Iterator[dict[str, Any]]:
        """Yield what it tells until it has ended; it is held to its limits meanwhile."""
        going = True
        while going:
            going = self.running()
            yield from self.events()
            sleep(TICK_SECONDS * going)

    def running(self) -> bool:
        """Return whether it is still at work, after ending it if it is over its limits."""
        if self._process.poll() is not None:
            return False
        now = monotonic()
        if 0 < self._limits.seconds < now - self._started:
            self.end(f"it took longer than the time limit of {self._limits.seconds:g} s")
        elif self._limits.memory and now - self._looked > MEMORY_SECONDS:
            self._looked = now
            used = sum(map(_memory, self._members())) / 2**30
            if used > self._limits.memory:
                self.end(
                    f"it used {used:.2f} GiB of memory, and the limit is {self._limits.memory:g}"
                )
        return True

    def end(self, why: str) -> None:
        """End it because of `why`; where it was is written to its log."""
        self._ended_for = why
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGUSR1)
            sleep(DUMP_SECONDS)
            self._process.kill()

    def close(self) -> None:
        """End it, and every process that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for _ in range(ROUNDS):
            if not (left := [*self._members(), *self._marked()]):
                break
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            sleep(0.01)
        os.close(self._life)
        os.close(self._reader)

    def cause(self, told: str = "") -> str:
        """Return why it ended without having done its work, perhaps as it has told itself."""
        if self._ended_for or told:
            return self._ended_for or told
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed (SIGKILL), perhaps by the system for want of memory"
        if code < 0:
            return f"its process ended by signal {-code} ({signal.Signals(-code).name})"
        return f"its process ended by itself, with exit code {code}, before the work was done"

    def _members(self) -> Iterator[psutil.Process]:
        """Yield the processes of its session."""
        for pid in psutil.pids():
            with suppress(OSError, psutil.Error):
                if os.getsid(pid) == self._process.pid:
                    process = psutil.Process(pid)
                    if process.status() != psutil.STATUS_ZOMBIE:
                        yield process

    def _marked(self) -> Iterator[psutil.Process]:
        """Yield the processes that have its mark, whatever session they have begun."""
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                if process.environ().get(MARK) == self._mark:
                    yield process


def _memory(process: psutil.Process) -> int:
    """Return the bytes of memory that are a process's own: prepared data that it maps are not."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
        return 0
    own = [line.split()[1] for line in lines if line.startswith(("RssAnon", "RssShmem"))]
    return sum(map(int, own)) * 1024
