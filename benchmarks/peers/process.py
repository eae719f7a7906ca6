"""The parent's side of a contender's process; `benchmarks.peers.driver` is the other."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]
"""Where `benchmarks` can be imported from."""


class UnavailableError(Exception):
    """Why a contender cannot be measured; its text goes into the results."""


class Process:
    """A contender that waits for its turn.

    Attributes:
        about: Its version, number of parameters and the loss of a batch before training.
    """

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start the process and wait until its model is built.

        Args:
            command: The child's; the file descriptor it is to answer to is added to it.
            environment: Variables that it has besides the parent's.

        Raises:
            UnavailableError: If it cannot be started, or ends.
        """
        answers, to_parent = os.pipe()
        self._answers = os.fdopen(answers)
        # A file and not a pipe, which nobody would read while the child fills it.
        self._printed = TemporaryFile("w+")  # noqa: SIM115 # open as long as the process
        try:
            self._process = subprocess.Popen(
                [*map(str, command), str(to_parent)],
                stdin=subprocess.PIPE,
                stdout=self._printed,
                stderr=self._printed,
                text=True,
                cwd=ROOT,
                env={**os.environ, **environment},
                pass_fds=(to_parent,),
            )
        except OSError as error:
            self._answers.close()
            self._printed.close()
            raise UnavailableError(f"{command[0]}: {error.strerror}") from error
        finally:
            os.close(to_parent)
        try:
            self.about = self._answer()
        except UnavailableError:
            self.close()
            raise

    def run(self, kind: str, steps: int) -> list[float]:
        """Run steps of "training" or "inference"; return the seconds of each."""
        seconds: list[float] = self._ask({"run": kind, "steps": steps})["seconds"]
        return seconds

    def peak_memory(self) -> int:
        """Return the most memory it has had resident, in bytes."""
        return int(self._ask({"run": "memory"})["bytes"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._answers.close()
        self._printed.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which the answer tells
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            code = self._process.wait()
            self._printed.seek(0)
            last = self._printed.read().strip().splitlines()[-1:]
            raise UnavailableError(": ".join([f"it ended with {code}", *last]))
        answer: dict[str, Any] = json.loads(line)
        return answer
