"""What a model sees: features of each example and its history, and labels apart from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

Device = torch.device | str
TensorFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Reads:
    """Which events of a history a model can make use of, so that no others are gathered.

    The events gathered are the union of both kinds; their order is kept.

    Attributes:
        recent: How many of the latest events; None for all.
        same_category: How many of the latest events in the target's category.
    """

    recent: int | None = None
    same_category: int = 0


@dataclass(frozen=True)
class PaddedHistory:
    """The last events of each history, oldest first, padded on the right with id 0.

    Attributes:
        fields: Item fields by name, each [B, T] of int64.
        age: Seconds from each event to the example it belongs to, [B, T] of int64; 0 at padding.
        lengths: Number of real events in each row, [B] of int64.
    """

    fields: Mapping[str, Tensor]
    age: Tensor
    lengths: Tensor

    @cached_property
    def mask(self) -> Tensor:
        """True where an event is real, [B, T]."""
        steps = torch.arange(self.age.shape[1], device=self.age.device)
        return steps < self.lengths[:, None]


@dataclass(frozen=True)
class History:
    """All events before each example, oldest first, stored without padding.

    The events of row `b` are `values[offsets[b]:offsets[b + 1]]`. Where training steps are replayed
    as CUDA graphs some more may follow, which belong to no row.

    Attributes:
        fields: Item fields by name, each [N] of int64, where N is the total number of events.
        age: Seconds from each event to the example it belongs to, [N] of int64.
        offsets: Row boundaries, [B + 1] of int64.
        longest: The longest row's length, known on the host so that no device has to be asked;
            with CUDA graphs it may be a little more.
    """

    fields: Mapping[str, Tensor]
    age: Tensor
    offsets: Tensor
    longest: int

    @property
    def lengths(self) -> Tensor:
        """Number of events in each row, [B]."""
        return self.offsets.diff()

    def recent(self, n: int) -> PaddedHistory:
        """Return the last `n` events of each row, [B, n]."""
        counts = self.lengths.clamp(max=n)
        steps = torch.arange(n, device=self.offsets.device)
        real = steps < counts[:, None]
        position = (self.offsets[1:] - counts)[:, None] + steps
        position = position.where(real, 0)

        def pad(values: Tensor) -> Tensor:
            if not len(values):
                return values.new_zeros(position.shape)
            return values[position].masked_fill_(~real, 0)

        return PaddedHistory(
            {name: pad(values) for name, values in self.fields.items()}, pad(self.age), counts
        )

    def slice(self, start: int, stop: int) -> History:
        """Return the histories of the rows from `start` to before `stop`."""
        offsets = self.offsets[start : stop + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        fields = {name: values[first:last] for name, values in self.fields.items()}
        return History(fields, self.age[first:last], offsets - first, self.longest)

    def apply(self, function: TensorFunction) -> History:
        """Return a copy of which every tensor is what `function` makes of it."""
        fields = {name: function(values) for name, values in self.fields.items()}
        return History(fields, function(self.age), function(self.offsets), self.longest)

    def to(self, device: Device) -> History:
        """Return a copy on `device`."""
        return self.apply(_mover(device))


@dataclass(frozen=True)
class Features:
    """Everything a model may know about a batch of examples.

    Attributes:
        fields: User, target item and context fields by name, each [B] of int64.
        history: The user's events before the example.
        numbers: Context fields that are numbers, [B, N] of float32 in schema order, standardised on
            the training part, 0 where the value is missing; [B, 0] if not given.
    """

    fields: Mapping[str, Tensor]
    history: History
    numbers: Tensor = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Give data without numbers no columns of them."""
        if self.numbers is None:
            none = self.history.offsets.new_empty((len(self), 0), dtype=torch.float32)
            object.__setattr__(self, "numbers", none)

    def __len__(self) -> int:
        """Return the number of examples, B."""
        return len(self.history.offsets) - 1

    def slice(self, start: int, stop: int) -> Features:
        """Return the examples from `start` to before `stop`."""
        fields = {name: values[start:stop] for name, values in self.fields.items()}
        return Features(fields, self.history.slice(start, stop), self.numbers[start:stop])

    def apply(self, function: TensorFunction) -> Features:
        """Return a copy of which every tensor is what `function` makes of it."""
        fields = {name: function(values) for name, values in self.fields.items()}
        return Features(fields, self.history.apply(function), function(self.numbers))

    def to(self, device: Device) -> Features:
        """Return a copy on `device`."""
        return self.apply(_mover(device))


@dataclass(frozen=True)
class Batch:
    """Examples of any task: what a model may use, and apart from it what came to pass.

    Attributes:
        features: What the model may use.
        labels: What it is to predict; each task says what they are.
        unit: What batch sizes count.
    """

    features: Features
    labels: Tensor
    unit: ClassVar[str] = "examples"

    def __len__(self) -> int:
        """Return the number of examples, B."""
        return len(self.features)

    @property
    def inputs(self) -> Any:
        """What a model is shown when it predicts."""
        return self.features

    def slice(self, start: int, stop: int) -> Batch:
        """Return the examples from `start` to before `stop`."""
        return Batch(self.features.slice(start, stop), self.labels[start:stop])

    def apply(self, function: TensorFunction) -> Self:
        """Return a copy of which every tensor is what `function` makes of it."""
        return replace(self, features=self.features.apply(function), labels=function(self.labels))

    def to(self, device: Device) -> Self:
        """Return a copy on `device`."""
        return self.apply(_mover(device))

    @property
    def size(self) -> int:
        """How many of its `unit` there are."""
        return len(self)

    def first(self, size: int) -> Self:
        """Return the first `size` of its `unit`."""
        return replace(self, features=self.features.slice(0, size), labels=self.labels[:size])


@dataclass(frozen=True)
class CTRBatch(Batch):
    """Examples of click-through-rate prediction; labels are 1 for a click, [B] of float32."""


@dataclass(frozen=True)
class NextItemBatch(Batch):
    """Examples of next-item prediction.

    The features hold no target; labels are its place among the items, id - `FIRST_ID`, [B] of
    int64.
    """


@dataclass(frozen=True)
class MultiTaskBatch(Batch):
    """Examples with several labels, [B, T] of float32 in the order of `schema.labels`.

    A binary label is 1 or 0, a real one any number; nan where it is missing.
    """


@dataclass(frozen=True)
class Episodes:
    """What is shown of episodes to a model that predicts: all but what its queries ask.

    Attributes:
        query: Features of the examples to be predicted, those of each episode together, [Q].
        support: Examples with labels to adapt to, those of each episode together, [S].
        query_offsets: Where each episode's queries begin, and the last one's end, [E + 1].
        support_offsets: The same of its support, [E + 1].
    """

    query: Features
    support: Batch
    query_offsets: tuple[int, ...]
    support_offsets: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of episodes, E."""
        return len(self.query_offsets) - 1

    def __iter__(self) -> Iterator[tuple[Batch, Features]]:
        """Yield the support and the queries of each episode."""
        support, query = (pairwise(each) for each in (self.support_offsets, self.query_offsets))
        for known, asked in zip(support, query, strict=True):
            yield self.support.slice(*known), self.query.slice(*asked)


@dataclass(frozen=True)
class EpisodeBatch(Batch):
    """Episodes of learning from few examples: a model adapts to support, then answers queries.

    Features and labels are those of the queries, [Q]; labels are of float32, and nan nowhere.

    Attributes:
        support: Examples with labels to adapt to, those of each episode together, [S].
        query_offsets: Where each episode's queries begin, and the last one's end, [E + 1].
        support_offsets: The same of its support, [E + 1].
    """

    support: Batch
    query_offsets: tuple[int, ...]
    support_offsets: tuple[int, ...]
    unit: ClassVar[str] = "episodes"

    @property
    def inputs(self) -> Episodes:
        """Everything but the queries' labels."""
        return Episodes(self.features, self.support, self.query_offsets, self.support_offsets)

    def apply(self, function: TensorFunction) -> Self:
        """Return a copy of which every tensor is what `function` makes of it."""
        return replace(super().apply(function), support=self.support.apply(function))

    @property
    def size(self) -> int:
        """How many of its `unit` there are, E."""
        return len(self.query_offsets) - 1

    def first(self, size: int) -> Self:
        """Return the first `size` episodes."""
        asked, known = self.query_offsets[: size + 1], self.support_offsets[: size + 1]
        return replace(
            super().first(asked[-1]),
            support=self.support.first(known[-1]),
            query_offsets=asked,
            support_offsets=known,
        )


def _mover(device: Device) -> TensorFunction:
    """Return what copies to `device`; to a GPU without waiting where the tensor is pinned."""
    waits = torch.device(device).type == "cpu"  # who reads there does not wait for the copy
    return lambda tensor: tensor.to(device, non_blocking=not waits)
