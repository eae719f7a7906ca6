"""How long a run may take and how much memory it may use."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

from recbench.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Limits:
    """What each run of a suite may use.

    Attributes:
        seconds: Wall-clock time of training and prediction together; 0 for any.
        memory: GiB of memory of its own, of all its processes together; 0 for any.
        threads: Threads of each run.
    """

    seconds: float = 0.0
    memory: float = 0.0
    threads: int = 1

    def __post_init__(self) -> None:
        """Refuse a memory that cannot be."""
        if not 0 <= self.memory < math.inf:
            raise UsageError(f"the memory limit is {self.memory:g} GiB; 0 for none, or more")


def duration(text: str, where: str) -> float:
    """Return the seconds that a text such as `90`, `30s`, `45m`, `2h` or `1h30m` says.

    Raises:
        UsageError: If it says none; `where` names what it was given for.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text) and float(text) > 0:
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not total:
        raise UsageError(f"{where}: '{text}' is no time; write seconds, or 30m, 2h, 1h30m")
    return total


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(jobs: int, threads: int) -> int:
    """Return the threads of each run, such that runs side by side never use more than the cores.

    Args:
        jobs: Runs at a time.
        threads: Threads of each; 0 for an equal share of the cores, or of `OMP_NUM_THREADS`.

    Raises:
        UsageError: If they are more than there are.
    """
    here = cores()
    if jobs < 1 or threads < 0:
        raise UsageError(f"--jobs {jobs} --threads {threads}: give whole numbers of 1 or more")
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    most = min(here, int(wanted)) if wanted.isdecimal() and int(wanted) else here
    chosen = threads or max(1, most // jobs)
    if jobs * chosen > here:
        raise UsageError(
            f"{jobs} runs at a time with {chosen} thread{'s' * (chosen > 1)} each are more than "
            f"the {here} cores here; at most --jobs {max(1, here // chosen)} with that many "
            f"threads, or --threads {max(1, here // jobs)}"
        )
    return chosen
