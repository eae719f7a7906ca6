"""Batches on their way from the host to the device that computes on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from recbench.batch import Batch
from recbench.device import side_streams

AnyBatch = TypeVar("AnyBatch", bound=Batch)


def transfer(batches: Iterable[AnyBatch], device: torch.device) -> Iterator[AnyBatch]:
    """Yield each batch on `device`.

    A GPU gets copies from pinned memory, on a stream of their own: while it works on one batch the
    next is under way, and never more than that one.
    """
    if device.type != "cuda":
        for batch in batches:
            yield batch.to(device)
        return
    stream, ahead = side_streams(device).copies, None
    for batch in batches:
        sent = _send(batch, device, stream)
        if ahead:
            yield ahead.arrived()
        ahead = sent
    if ahead:
        yield ahead.arrived()


@dataclass(frozen=True)
class _Sent(Generic[AnyBatch]):
    """A batch that is being copied, and the event that tells when it is there."""

    batch: AnyBatch
    there: torch.cuda.Event
    device: torch.device

    def arrived(self) -> AnyBatch:
        """Return the batch; what the device does from now on waits for it."""
        current = torch.cuda.current_stream(self.device)
        current.wait_event(self.there)

        def keep(tensor: Tensor) -> Tensor:
            tensor.record_stream(current)  # its memory is not taken again before `current` is done
            return tensor

        return self.batch.apply(keep)


def _send(batch: AnyBatch, device: torch.device, stream: torch.cuda.Stream) -> _Sent[AnyBatch]:
    pinned = batch.apply(_pinned)
    with torch.cuda.stream(stream):
        sent = pinned.to(device)
    return _Sent(sent, stream.record_event(), device)


def _pinned(tensor: Tensor) -> Tensor:
    return tensor.pin_memory() if tensor.numel() else tensor
