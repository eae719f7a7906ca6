"""Batches, gathered straight from the memory-mapped columns of a prepared dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.batch import Batch, Features, History, Reads
from recbench.data.gather import gather, window, window_with_category
from recbench.data.prepared import Part, PreparedDataset
from recbench.errors import UsageError
from recbench.schema import Field

Ints = NDArray[np.int64]

MIXED = 1 << 12
"""Stored examples that are predicted in mixed order, at least; a batch may be smaller."""


class Loader:
    """The examples of one part, in batches.

    Args:
        dataset: The prepared dataset.
        part: One of its parts.
        reads: Which events of each history to gather.
        batch_size: Examples a batch; the last batch of a pass may be smaller.
        seed: Decides the order of each epoch.
    """

    def __init__(
        self, dataset: PreparedDataset, part: Part, reads: Reads, batch_size: int, seed: int = 0
    ) -> None:
        if reads.same_category and not dataset.schema.has_categories:
            raise UsageError(
                f"the model searches histories by category, and {dataset.manifest.dataset} has no "
                "item field 'category'; choose another dataset or model"
            )
        self.dataset = dataset
        self.part = part
        self.reads = reads
        self.batch_size = batch_size
        self.seed = seed

    @property
    def examples(self) -> int:
        """Number of examples in one pass."""
        return len(self.part)

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""
        return math.ceil(self.examples / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Pass over all examples in stored order."""
        return self._pass(np.arange(self.examples))

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Pass over all examples in the random order of epoch `number`.

        Its first `skip` batches are left out, and not read.
        """
        order = np.random.default_rng([self.seed, number]).permutation(self.examples)
        return self._pass(order[skip * self.batch_size :])

    def mixed(self) -> tuple[Ints, Iterator[Batch]]:
        """Return the order in which predictions are asked for, and a pass over all examples in it.

        Runs of stored examples are permuted by nothing but their place: a click and its negative
        are stored next to each other, and which is which must not be told by that.
        """
        order, length = np.arange(self.examples), max(self.batch_size, MIXED)
        for place, start in enumerate(range(0, self.examples, length)):
            np.random.default_rng(place).shuffle(order[start : start + length])
        return order, self._pass(order)

    def _pass(self, order: Ints) -> Iterator[Batch]:
        for start in range(0, len(order), self.batch_size):
            self.dataset.require_open(self.part.name)
            rows = order[start : start + self.batch_size]
            yield self.dataset.task.batch(*self.take(rows))

    def take(self, rows: Ints) -> tuple[Features, torch.Tensor]:
        """Return features and labels of the examples at `rows`."""
        labels = self.dataset.task.labels([column[rows] for column in self.part.targets])
        return self.features(rows), torch.from_numpy(labels)

    def features(self, rows: Ints) -> Features:
        """Return the features of the examples at `rows`; their labels are not read."""
        part, schema = self.part, self.dataset.schema
        fields: dict[str, torch.Tensor] = {}
        for field in schema.of("context"):
            if field.size:
                ids = self.dataset.known(field.name, gather(part.columns[field.name], rows))
                fields[field.name] = torch.from_numpy(ids)
        if "history_start" not in part.columns:
            return Features(fields, _no_history(len(rows)), self._numbers(rows))
        owners = {"user": gather(part.user, rows), "item": gather(part.item, rows)}
        tables = {"user": self.dataset.users, "item": self.dataset.items}
        for role in self.dataset.task.shown:
            for field in schema.of(role):
                fields[field.name] = self._lookup(field, owners[role], tables[role])
        return Features(fields, self._history(rows), self._numbers(rows))

    def _numbers(self, rows: Ints) -> torch.Tensor:
        """Return the numbers of examples, standardised and 0 where missing, [B, N]."""
        mean, scale = self.dataset.scaling
        values = np.empty((len(rows), len(mean)), np.float32)
        for place, name in enumerate(self.dataset.schema.numbers):
            values[:, place] = gather(self.part.columns[name], rows)
        values -= mean
        values /= scale
        values[np.isnan(values)] = 0
        return torch.from_numpy(values)

    def events(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return where in the log the events of each history are that the model reads.

        Returns:
            The row boundaries, [B + 1], and the events' positions, [N].
        """
        dataset, part = self.dataset, self.part
        starts, stops = gather(part.history_start, rows), gather(part.history_stop, rows)
        recent = -1 if self.reads.recent is None else self.reads.recent
        if self.reads.same_category and recent >= 0:
            index = dataset.category_index
            user, item = gather(part.user, rows), gather(part.item, rows)
            return window_with_category(
                starts,
                stops,
                recent,
                self.reads.same_category,
                gather(dataset.users["start"], user),
                gather(dataset.users["stop"], user),
                index["position"],
                index["category"],
                gather(dataset.items["category"], item),
            )
        return window(starts, stops, recent)

    def _history(self, rows: Ints) -> History:
        dataset, part = self.dataset, self.part
        offsets, positions = self.events(rows)
        items = gather(dataset.interactions["item"], positions)
        fields = {
            field.name: self._lookup(field, items, dataset.items)
            for field in dataset.schema.of("item")
        }
        lengths = np.diff(offsets)
        age = np.repeat(gather(part.time, rows), lengths)
        age -= gather(dataset.interactions["time"], positions)
        longest = int(lengths.max(initial=0))
        return History(fields, torch.from_numpy(age), torch.from_numpy(offsets), longest)

    def _lookup(self, field: Field, ids: Ints, table: dict[str, Ints]) -> torch.Tensor:
        """Return the values of a field for final ids of its user or item."""
        name, role = field.name, field.role
        if field.width:  # of vectors it is the item's own id, known in training or not
            return torch.from_numpy(ids)
        if name == role and "group" not in table:
            return torch.from_numpy(self.dataset.known(name, ids))
        return torch.from_numpy(gather(table["group" if name == role else name], ids))


def _no_history(rows: int) -> History:
    """Return the histories of examples that have none."""
    offsets = torch.zeros(rows + 1, dtype=torch.int64)
    return History({}, offsets[:0], offsets, 0)
