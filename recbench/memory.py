"""Memory that runs out: how it is recognised, how much was in use, and what would have fitted."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
import torch

from recbench.batch import Batch
from recbench.errors import OutOfMemoryError

Result = TypeVar("Result")
AnyBatch = TypeVar("AnyBatch", bound=Batch)

SIGNS = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""What errors say that are no `torch.OutOfMemoryError`: of the driver, of CPUs, of cuBLAS."""


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory, of the host or a device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def in_use(device: torch.device) -> str:
    """Return how much memory of the device is in use, of how much."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        own, whose = torch.cuda.memory_reserved(device), torch.cuda.get_device_name(device)
    else:
        host = psutil.virtual_memory()
        free, total = host.available, host.total
        own, whose = psutil.Process().memory_info().rss, "host"
    used = f"{_gib(total - free)} of {_gib(total)} GiB of the {whose} in use"
    return f"{used}, {_gib(own)} by this process"


def attempt(
    step: Callable[[AnyBatch], Result],
    batch: AnyBatch,
    device: torch.device,
    what: str,
    setting: str,
) -> Result:
    """Return what `step` makes of a batch.

    If memory runs out, it is tried on half the batch, a quarter and so on, until one goes through;
    nothing is kept of that but the size, and what `step` itself has changed.

    Args:
        step: Takes a batch.
        batch: The batch, on `device`.
        device: Where it is computed.
        what: What the step is, for the error.
        setting: Which setting of the training says how large batches are.

    Raises:
        OutOfMemoryError: If memory runs out; with what was in use and the size that went through.
    """
    try:
        return step(batch)
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        used, trace = in_use(device), traceback.format_exc()
    # The error is gone here, and with it all that the step had made before it.
    size = _largest(step, batch, device)
    if size:
        mend = (
            f"{size:,} of them went through, found by halving: --set training.{setting}={size}, or "
            "less if other batches have longer histories"
        )
    else:
        mend = (
            "not even one of them went through; make the model smaller, free memory or take "
            "another device"
        )
    asked = f"{what} ran out of memory with {batch.size:,} {batch.unit} at a time"
    raise _failure(asked, used, mend, trace)


@contextmanager
def memory_errors(what: str, device: torch.device) -> Iterator[None]:
    """Turn whatever says within that memory ran out into an `OutOfMemoryError`.

    Args:
        what: What is done within, for the error.
        device: Where it is done.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        used, trace = in_use(device), traceback.format_exc()
    else:
        return
    mend = (
        f"{said}; a smaller model, training.batch_size or training.evaluation_batch_size needs less"
    )
    raise _failure(f"{what} ran out of memory", used, mend, trace)


def _largest(step: Callable[[AnyBatch], object], batch: AnyBatch, device: torch.device) -> int:
    """Return by how many halvings of the batch a step goes through, as a size; 0 if by none."""
    size = batch.size // 2
    while size:
        if device.type == "cuda":
            torch.cuda.empty_cache()  # what is in small pieces
        try:
            step(batch.first(size))
        except Exception:
            size //= 2
        else:
            break
    return size


def _failure(what: str, used: str, mend: str, trace: str) -> OutOfMemoryError:
    failure = OutOfMemoryError(f"{what} ({used}): {mend}")
    failure.add_note(trace)  # for the log; the error itself would hold on to the memory
    return failure


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f}"
