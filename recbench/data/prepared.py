"""A prepared dataset on disk, opened without loading it, its test part sealed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.columns import Column, read_table
from recbench.data.manifest import Manifest
from recbench.schema import UNSEEN, Schema
from recbench.task import TASKS, Task

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The examples of one part, as memory-mapped columns.

    Attributes:
        name: train, valid or test.
        user: Final id of each example's user, [M].
        item: Final id of the target, [M].
        labels: What is to be predicted, [M]: 1 or 0, or for next-item prediction the item itself.
        time: Seconds, [M].
        history_start: Where in the log the history begins, [M].
        history_stop: Where in the log the history ends, [M].
        oracle: Scores that no model is expected to beat, [M]; None if unknown.
    """

    name: str
    user: Column
    item: Column
    labels: Column
    time: Column
    history_start: Column
    history_stop: Column
    oracle: Column | None

    def __len__(self) -> int:
        """Return the number of examples, M."""
        return len(self.user)


class PreparedDataset:
    """A prepared folder.

    The test part is sealed until `open_test`, and opening it closes the other parts for good: no
    training or selection can follow a look at the test.

    Args:
        folder: The folder.
        limit: Use at most so many examples of each part, spread evenly; 0 for all.
    """

    def __init__(self, folder: Path, limit: int = 0) -> None:
        self.folder = folder
        self.limit = limit
        self.manifest = Manifest.load(folder)
        self.schema: Schema = self.manifest.schema
        self.task: Task = TASKS[self.manifest.task]
        self._tested = False

    def part(self, name: str) -> Part:
        """Return the `train` or `valid` part."""
        self.require_open(name)
        return self._read(name)

    def open_test(self) -> Part:
        """Return the test part; the only way to it, and it works once."""
        if self._tested:
            raise RuntimeError("the test part was opened before; a run reads it once")
        self._tested = True
        return self._read("test")

    def require_open(self, name: str) -> None:
        """Raise `RuntimeError` if the part called `name` may not be read now."""
        if name == "test" and not self._tested:
            raise RuntimeError("the test part is sealed until training has ended")
        if name != "test" and self._tested:
            raise RuntimeError(f"the {name} part is closed: the test part has been opened")

    @cached_property
    def interactions(self) -> dict[str, Any]:
        """Columns item, time and perhaps behaviour of the log, ordered by (user, time, row)."""
        return read_table(self.folder / "interactions.arrow")

    @cached_property
    def users(self) -> dict[str, Any]:
        """Columns of users by final id: raw id, start and stop in the log, side fields."""
        return read_table(self.folder / "users.arrow")

    @cached_property
    def items(self) -> dict[str, Any]:
        """Columns of items by final id: raw id and side fields."""
        return read_table(self.folder / "items.arrow")

    @cached_property
    def category_index(self) -> dict[str, Any]:
        """Column position: each user's log positions by (category, position); column category."""
        return read_table(self.folder / "category_index.arrow")

    def known(self, name: str, ids: Ints) -> Ints:
        """Return final ids of users or items with those that training lacks made `UNSEEN`."""
        return np.where(ids < self.schema[name].size, ids, UNSEEN)

    def _read(self, name: str) -> Part:
        columns = read_table(self.folder / "samples" / f"{name}.arrow")
        count = len(columns["user"])
        if 0 < self.limit < count:
            rows = np.linspace(0, count - 1, self.limit).astype(np.int64)
            columns = {key: column[rows] for key, column in columns.items()}
        return Part(
            name,
            columns["user"],
            columns["item"],
            columns[next(iter(self.schema.labels), "item")],
            columns["time"],
            columns["history_start"],
            columns["history_stop"],
            columns.get("oracle"),
        )
