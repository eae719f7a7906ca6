"""Training steps as CUDA graphs: recorded once for each shape of batch, and then replayed.

A small step keeps a GPU waiting for the host, which launches hundreds of kernels one by one; a
graph is launched whole. What is recorded is the loss and its gradients; clipping and the optimizer
come after it as always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from recbench.batch import Batch
from recbench.device import GRAPHS, side_streams, wants_graphs
from recbench.errors import TrainingError
from recbench.memory import ran_out

if TYPE_CHECKING:
    from recbench.model import Model

Gradients = Callable[[Batch], Tensor]
"""What computes a batch's loss, which it returns, and leaves the gradients in the parameters."""

MOST_SHAPES = 64
"""Shapes of batches that are kept in mind; batches of others are computed as without graphs."""

MOST_GRADIENTS = 1 << 30
"""Bytes of gradients that all graphs together may hold, each those of the whole model."""

WAITS = "synchronizing CUDA operation"
"""What PyTorch says of an operation for which the host waits."""


class Recorder(Protocol):
    """What a graph is recorded by."""

    def aside(self, function: Callable[[], Tensor]) -> Tensor:
        """Run a function as it will be recorded, so that all it sets up at first is there."""

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Return what replays a function, and the tensor that each replay leaves its result in."""


class CUDARecorder:
    """Records what a function has a GPU do, and not what it does on the host.

    All graphs share the memory of what they hold in between: no two are replayed at a time.
    """

    def __init__(self, device: torch.device) -> None:
        """Prepare to record on `device`."""
        self._device = device
        self._stream = side_streams(device).steps
        self._pool = torch.cuda.graph_pool_handle()

    def aside(self, function: Callable[[], Tensor]) -> Tensor:
        """Run a function on the stream that is recorded from, between what is before and after.

        Where the host would wait for the GPU it ends: to meet that while recording would leave
        PyTorch's memory and random numbers in disorder.
        """
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            with torch.cuda.stream(self._stream):
                result = function()
        except RuntimeError as error:
            if WAITS in str(error):
                raise _refusal(error) from error
            raise
        finally:
            torch.cuda.set_sync_debug_mode(before)
            current.wait_stream(self._stream)
        return result

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Call a function once, which computes nothing yet; the first replay does."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self._device)
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                result = function()
        except RuntimeError as error:
            torch.cuda.set_stream(current)
            # That recording has ended hides what has ended it.
            cause = error.__context__ or error
            if ran_out(cause):
                raise cause from None
            raise _refusal(cause) from error
        return graph.replay, result


def _refusal(error: BaseException) -> TrainingError:
    return TrainingError(
        f"a step cannot be recorded as a CUDA graph: {str(error).splitlines()[0]}; the model's "
        f"loss must not wait for a value from the GPU. Run it without {GRAPHS}=1"
    )


@dataclass(frozen=True)
class _Recorded:
    """A step on a batch that stays where it is, and where it leaves what it computes."""

    batch: Batch
    replay: Callable[[], None]
    loss: Tensor
    gradients: list[Tensor | None]

    def take(self, batch: Batch) -> None:
        """Overwrite the batch with another one of its shape."""
        for here, there in zip(_tensors(self.batch), _tensors(batch), strict=True):
            here.copy_(there, non_blocking=True)


class StepGraphs:
    """Computes losses and gradients, of batches whose shape has come twice by replaying a graph.

    Histories are of different lengths and batches of them rarely of one shape. Where a model reads
    the latest events only, the number of a batch's events is rounded up, by at most an eighth: the
    copies of its first events that come after the last row belong to no row.

    Attributes:
        steps: How many batches came.
        replayed: Of how many a graph was replayed.
    """

    def __init__(self, gradients: Gradients, model: Model, recorder: Recorder) -> None:
        """Prepare to record `gradients` of a model's loss."""
        self.steps = self.replayed = 0
        self._gradients = gradients
        self._parameters = list(model.parameters())
        self._recorder = recorder
        self._rounds = model.reads.recent is not None and not model.reads.same_category
        self._seen: set[str] = set()
        self._recorded: dict[str, _Recorded] = {}
        each = sum(own.numel() * own.element_size() for own in self._parameters)
        self._most = max(1, MOST_GRADIENTS // max(each, 1))

    def __call__(self, batch: Batch) -> Tensor:
        """Return the loss of a batch, and leave the gradients in the parameters.

        Raises:
            TrainingError: If the model's loss cannot be recorded.
        """
        self.steps += 1
        batch = round_events(batch) if self._rounds else batch
        shape = _shape(batch)
        recorded = self._recorded.get(shape)
        if recorded:
            recorded.take(batch)
        elif shape in self._seen and len(self._recorded) < self._most:
            recorded = self._recorded[shape] = self._record(batch)
        else:
            if len(self._seen) < MOST_SHAPES:
                self._seen.add(shape)
            return self._recorder.aside(partial(self._gradients, batch))
        recorded.replay()
        for parameter, gradient in zip(self._parameters, recorded.gradients, strict=True):
            parameter.grad = gradient
        self.replayed += 1
        return recorded.loss

    def __str__(self) -> str:
        """Say how many of the steps were replayed."""
        return (
            f"CUDA graphs: {self.replayed:,} of {self.steps:,} steps replayed, "
            f"from {len(self._recorded)}"
        )

    def _record(self, batch: Batch) -> _Recorded:
        kept = batch.apply(torch.clone)
        replay, loss = self._recorder.record(partial(self._gradients, kept))
        return _Recorded(kept, replay, loss, [each.grad for each in self._parameters])


def step_graphs(gradients: Gradients, model: Model, device: torch.device) -> StepGraphs | None:
    """Return what computes gradients by CUDA graphs, if `RECBENCH_CUDA_GRAPHS` asks for it.

    Raises:
        UsageError: If it does and `device` is no GPU.
    """
    if not wants_graphs(device.type):
        return None
    return StepGraphs(gradients, model, CUDARecorder(device))


def round_events(batch: Batch) -> Batch:
    """Return a batch with its number of events and its longest history rounded up to four bits.

    That leaves eight numbers between one power of two and the next. The events added, which belong
    to no row, are copies of the first ones.
    """
    history = batch.features.history
    more = _rounded(len(history.age)) - len(history.age)

    def longer(values: Tensor) -> Tensor:
        return torch.cat([values, values[:more]]) if more else values

    fields = {name: longer(values) for name, values in history.fields.items()}
    longest = _rounded(history.longest)
    history = replace(history, fields=fields, age=longer(history.age), longest=longest)
    return replace(batch, features=replace(batch.features, history=history))


def _rounded(count: int) -> int:
    unit = 1 << max(0, count.bit_length() - 4)
    return -(-count // unit) * unit


def _tensors(batch: Batch) -> list[Tensor]:
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    batch.apply(keep)
    return found


def _shape(batch: Batch) -> str:
    """Return what batches have in common that differ only in the values of their tensors."""

    def shape(tensor: Tensor) -> Any:
        return tuple(tensor.shape), tensor.dtype

    return repr(batch.apply(shape))
