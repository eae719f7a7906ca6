"""What `python -m benchmarks.ops` was asked to measure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch

from recbench.device import choose
from recbench.errors import UsageError


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        seconds: How long, for each contender and case.
        device: Where.
        threads: The numbers of threads to measure with; none on a GPU.
        without: Contenders to leave out.
        onednn: Folder with oneDNN's `include` and `lib`, None without it.
        compile_loops: Whether to compile references that loop over steps too.
    """

    seconds: float
    device: torch.device
    threads: Collection[int]
    without: Collection[str]
    onednn: Path | None
    compile_loops: bool


def measured_device(name: str, cpu_options: Collection[str]) -> torch.device:
    """Return the device to measure, made the current one if it is a GPU.

    Args:
        name: As in `--device`.
        cpu_options: Options that were given and that only a CPU has.

    Raises:
        UsageError: If there is no such device, or a GPU is given a CPU's options.
    """
    device = torch.device(choose(name))
    if device.type == "cpu":
        return device
    if cpu_options:
        raise UsageError(
            f"{' and '.join(cpu_options)}: only on the CPU; leave out with --device {name}"
        )
    if device.index is not None:
        torch.cuda.set_device(device)
    # One precision for all contenders: by default cuDNN, and it alone, may round to TF32.
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda", torch.cuda.current_device())
