"""A prepared dataset on disk, opened without loading it, its test part sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.columns import Column, read_table
from recbench.data.gather import window
from recbench.data.manifest import Manifest
from recbench.data.samples import ORACLE, read_samples
from recbench.data.vectors import read_vectors
from recbench.schema import UNSEEN, Schema
from recbench.task import TASKS, Task

Ints = NDArray[np.int64]
ENDS = ("start", "stop")


@dataclass(frozen=True)
class Part:
    """The examples of one part, as memory-mapped columns.

    Those of a log have the columns that are properties here, context fields and, where users are
    sequences, `group`: the number of the real user. Those of a table have `row`, context
    fields, numbers and labels; the properties are not for them, `targets` excepted.

    Attributes:
        name: train, valid or test.
        columns: Every column by name, each [M].
        schema: The dataset's fields.
        episodes: Of cold start, a row an episode: its `state`, and which examples are its support
            and its queries, `support_start`, `support_stop`, `query_start`, `query_stop`, each [E].
    """

    name: str
    columns: Mapping[str, Column]
    schema: Schema
    episodes: Mapping[str, Column] | None = None

    def __len__(self) -> int:
        """Return the number of examples, M."""
        return len(next(iter(self.columns.values())))

    @cached_property
    def asked(self) -> Part:
        """The examples that are to be predicted, in the order of predictions.

        That is all of them, or the queries of each episode with its `episode` and `state`.
        """
        if self.episodes is None:
            return self
        start, stop = (np.asarray(self.episodes[f"query_{end}"], np.int64) for end in ENDS)
        offsets, rows = window(start, stop, -1)
        episode = np.repeat(np.arange(len(start)), np.diff(offsets))
        columns = {name: column[rows] for name, column in self.columns.items()}
        state = np.asarray(self.episodes["state"])[episode]
        return Part(self.name, {**columns, "episode": episode, "state": state}, self.schema)

    @property
    def targets(self) -> tuple[Column, ...]:
        """What is to be predicted: each label, or without one the item itself, each [M]."""
        return tuple(self.columns[name] for name in self.schema.labels or ("item",))

    @property
    def labels(self) -> Column:
        """The one thing that is to be predicted, [M]."""
        (labels,) = self.targets
        return labels

    @property
    def user(self) -> Column:
        """Final id of each example's user, [M]."""
        return self.columns["user"]

    @property
    def item(self) -> Column:
        """Final id of the target, [M]."""
        return self.columns["item"]

    @property
    def time(self) -> Column:
        """Seconds, [M]."""
        return self.columns["time"]

    @property
    def history_start(self) -> Column:
        """Where in the log the history begins, [M]."""
        return self.columns["history_start"]

    @property
    def history_stop(self) -> Column:
        """Where in the log the history ends, [M]."""
        return self.columns["history_stop"]

    @property
    def oracle(self) -> Column | None:
        """Scores that no model is expected to beat, [M]; None if unknown."""
        return self.columns.get(ORACLE)


class PreparedDataset:
    """A prepared folder.

    The test part is sealed until `open_test`, and opening it closes the other parts for good: no
    training or selection can follow a look at the test.

    Args:
        folder: The folder.
        limit: Use at most so many examples of each part, spread evenly; 0 for all. Of cold start,
            so many episodes of each state.
    """

    def __init__(self, folder: Path, limit: int = 0) -> None:
        self.folder = folder
        self.limit = limit
        self.manifest = Manifest.load(folder)
        schema: Schema = self.manifest.schema
        self.schema = replace(schema, vectors=read_vectors(folder, schema.vector_fields))
        self.task: Task = TASKS[self.manifest.task]
        self._tested = False

    def part(self, name: str) -> Part:
        """Return the `train` or `valid` part."""
        self.require_open(name)
        return self._read(name)

    def open_test(self, *, labelled: bool = True) -> Part:
        """Return the test part; the only way to it, and it works once.

        Args:
            labelled: Whether with its labels. Those are nan otherwise, but for the support of
                episodes, and the file that they are in is not opened.
        """
        if self._tested:
            raise RuntimeError("the test part was opened before; a run reads it once")
        self._tested = True
        return self._read("test", labelled=labelled)

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
        """Columns of users by final id: raw id, start and stop in the log, side fields.

        Where users are sequences, the raw id is that of the real user, and `group` its final id.
        """
        return read_table(self.folder / "users.arrow")

    @cached_property
    def items(self) -> dict[str, Any]:
        """Columns of items by final id: raw id and side fields."""
        return read_table(self.folder / "items.arrow")

    @cached_property
    def category_index(self) -> dict[str, Any]:
        """Column position: each user's log positions by (category, position); column category."""
        return read_table(self.folder / "category_index.arrow")

    @cached_property
    def scaling(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each number in the training part, both [N]."""
        tables = [read_table(self.folder / f"fields/{name}.arrow") for name in self.schema.numbers]
        mean, scale = ([float(each[key][0]) for each in tables] for key in ("mean", "scale"))
        return np.array(mean, np.float32), np.array(scale, np.float32)

    def known(self, name: str, ids: Ints) -> Ints:
        """Return final ids of a field with those that training lacks made `UNSEEN`."""
        return np.where(ids < self.schema[name].size, ids, UNSEEN)

    def _read(self, name: str, *, labelled: bool = True) -> Part:
        columns = read_samples(self.folder, name, self.schema.labels, labelled=labelled)
        if (self.folder / "episodes").exists():
            episodes = read_table(self.folder / "episodes" / f"{name}.arrow")
            return Part(name, columns, self.schema, self._limited_states(episodes))
        return Part(name, self._limited(columns), self.schema)

    def _limited_states(self, episodes: dict[str, Any]) -> dict[str, Any]:
        state = np.asarray(episodes["state"])
        rows = [self._chosen(np.flatnonzero(state == place)) for place in np.unique(state)]
        return {key: column[np.sort(np.concatenate(rows))] for key, column in episodes.items()}

    def _limited(self, columns: dict[str, Any]) -> dict[str, Any]:
        count = len(next(iter(columns.values())))
        if 0 < self.limit < count:
            rows = self._chosen(np.arange(count))
            return {key: column[rows] for key, column in columns.items()}
        return columns

    def _chosen(self, rows: Ints) -> Ints:
        """Return as many of the rows as the limit allows, spread evenly."""
        if not 0 < self.limit < len(rows):
            return rows
        chosen: Ints = rows[np.linspace(0, len(rows) - 1, self.limit).astype(np.int64)]
        return chosen
