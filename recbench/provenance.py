"""Where a number came from: the machine, the software and the state of the source code."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SOURCES = tuple(f":/*.{kind}" for kind in ("py", "cpp", "h", "inc", "cu", "cuh"))
"""Which files of a repository, from its top, are code; records and notes may change freely."""

_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Environment:
    """The machine and software of a run.

    Attributes:
        python: Version of Python.
        torch: Version of PyTorch, build included.
        recbench: Version of this package.
        platform: Operating system, kernel and architecture.
        cpu: The processor's name.
        threads: How many threads PyTorch uses within an operation.
        device: The device type; of a GPU its name, its driver, how exact products of float32
            numbers are, `highest` unless someone has allowed TF32, and whether training steps were
            to be replayed as CUDA graphs.
    """

    python: str
    torch: str
    recbench: str
    platform: str
    cpu: str
    threads: int
    device: str


@dataclass(frozen=True)
class GitState:
    """The source code's commit, and whether code has changed since (`dirty`)."""

    commit: str
    dirty: bool


def environment(device: torch.device | str) -> Environment:
    """Describe the machine and software, with `device` as the one the run computes on."""
    import torch

    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        recbench=version(),
        platform=platform.platform(),
        cpu=_cpu(),
        threads=torch.get_num_threads(),
        device=_device(torch.device(device)),
    )


def git_state(folder: Path = Path(__file__).parent) -> GitState | None:
    """Return the state of the repository that tracks `folder`, by default this package's.

    Code that git does not know yet counts as changed. None without git, or where the folder is
    not under version control, as in an installed package.
    """
    if not _git(folder, "ls-files", "."):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", *_SOURCES)
    if commit is None or changes is None:
        return None
    return GitState(commit=commit, dirty=bool(changes))


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what a git command prints, None if it fails."""
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603
        [program, "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def version() -> str:
    """Return recbench's version, as it is installed."""
    try:
        return metadata.version("recbench")
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    """Return the processor's name; Python itself knows only its architecture on Linux."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _device(device: torch.device) -> str:
    import torch

    from recbench.device import wants_graphs

    if device.type != "cuda":
        return device.type
    driver = _driver()
    facts = (
        torch.cuda.get_device_name(device),
        f"driver {driver}" if driver else "",
        f"float32_matmul_precision {torch.get_float32_matmul_precision()}",
        "CUDA graphs" if wants_graphs(device.type) else "",
    )
    return f"cuda ({'; '.join(filter(None, facts))})"


def _driver() -> str:
    """Return the version of NVIDIA's driver; empty where the system does not tell it."""
    if not _DRIVER.exists():
        return ""
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", _DRIVER.read_text())
    return found.group(1) if found else ""
