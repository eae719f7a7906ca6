"""Which events of a history a model attends to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.data import Loader

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SINGLE = 10
"""Distances from the end of a history that have a row of their own."""
WIDER = (20, 30, 50, 100, 200, 500, 1000, 2000, 5000)
"""Where rows of several distances end."""


@dataclass(frozen=True)
class Place:
    """Events that are about as far from the end of their history.

    Attributes:
        first: The smallest distance, 1 for the latest event.
        last: The largest distance.
        events: How many events there are.
        mean: Mean weight by each head, [H].
        deviation: Standard deviation over events, [H].
    """

    first: int
    last: int
    events: int
    mean: Floats
    deviation: Floats


@dataclass(frozen=True)
class EventWeights:
    """The weight of every event that a model attends to, over all examples.

    Attributes:
        name: `attention` for the latest events, `found` for those that a search has chosen.
        example: Which example each event belongs to, a row of the part, [N].
        position: Where in the log the event is, [N].
        distance: How far from the end of the history it is, 1 for the latest event, [N].
        weight: Its weight by each head, [N, H].
        alike: Whether it is of the target's category, [N]; None where there is no target or no
            category.
    """

    name: str
    example: Ints
    position: Ints
    distance: Ints
    weight: Floats
    alike: NDArray[np.bool_] | None

    def by_distance(self, *, each: bool = False) -> list[Place]:
        """Return weights by distance from the end, nearest first; one by one if `each`."""
        furthest = int(self.distance.max(initial=0))
        ends = [*range(1, (furthest if each else SINGLE) + 1), *([] if each else WIDER), furthest]
        places, first = [], 1
        for last in sorted({end for end in ends if end <= furthest}):
            own = self.weight[(self.distance >= first) & (self.distance <= last)]
            if len(own):
                places.append(Place(first, last, len(own), own.mean(0), own.std(0)))
            first = last + 1
        return places

    def typical(self, count: int) -> list[int]:
        """Return `count` examples, spread over those that have at least the median of events."""
        examples, events = np.unique(self.example, return_counts=True)
        rich = examples[events >= np.median(events)] if len(events) else examples
        chosen = np.linspace(0, len(rich) - 1, min(count, len(rich))).astype(np.int64)
        return [int(rich[place]) for place in chosen]

    def of(self, example: int) -> EventWeights:
        """Return the events of one example, latest first."""
        own = np.flatnonzero(self.example == example)
        return self._take(own[np.argsort(self.distance[own], kind="stable")])

    def by_category(self) -> tuple[EventWeights, EventWeights] | None:
        """Return the events of the target's category and all others; None if that is not known."""
        if self.alike is None:
            return None
        return self._take(np.flatnonzero(self.alike)), self._take(np.flatnonzero(~self.alike))

    def _take(self, own: Ints) -> EventWeights:
        return EventWeights(
            self.name,
            self.example[own],
            self.position[own],
            self.distance[own],
            self.weight[own],
            None if self.alike is None else self.alike[own],
        )


def latest_events(loader: Loader, rows: Ints, weights: Floats) -> EventWeights:
    """Return the weights that a model gives to the latest events.

    Args:
        loader: Reads the histories as the model does.
        rows: Examples of the loader's part, [B].
        weights: [B, T] or [B, H, T], of the last T events, oldest first, padded on the right.
    """
    offsets, _ = loader.events(rows)
    width = weights.shape[-1]
    lengths = np.diff(offsets)
    read = np.minimum(lengths, width)
    step = np.arange(width)
    places = np.where(step < read[:, None], (lengths - read)[:, None] + step, -1)
    return _events("attention", loader, rows, places, weights)


def found_events(loader: Loader, rows: Ints, places: Ints, weights: Floats) -> EventWeights:
    """Return the weights of the events that a model has searched for.

    Args:
        loader: Reads the histories as the model does.
        rows: Examples of the loader's part, [B].
        places: Positions in the histories, [B, K], -1 beyond their number.
        weights: [B, K] or [B, H, K].
    """
    return _events("found", loader, rows, places, weights)


def joined(parts: list[EventWeights]) -> EventWeights:
    """Return the events of several batches as one."""
    alike = [each.alike for each in parts if each.alike is not None]
    return EventWeights(
        parts[0].name,
        np.concatenate([each.example for each in parts]),
        np.concatenate([each.position for each in parts]),
        np.concatenate([each.distance for each in parts]),
        np.concatenate([each.weight for each in parts]),
        np.concatenate(alike) if alike else None,
    )


def _events(name: str, loader: Loader, rows: Ints, places: Ints, weights: Floats) -> EventWeights:
    offsets, positions = loader.events(rows)
    row, column = np.nonzero(places >= 0)
    position = positions[offsets[row] + places[row, column]]
    heads = weights[:, None] if weights.ndim == 2 else weights
    stop = np.asarray(loader.part.history_stop[rows], np.int64)
    return EventWeights(
        name,
        rows[row],
        position,
        stop[row] - position,
        heads[row, :, column],
        _alike(loader, rows[row], position),
    )


def _alike(loader: Loader, rows: Ints, position: Ints) -> NDArray[np.bool_] | None:
    """Return whether the event at each position is of the category of its row's target."""
    dataset = loader.dataset
    if "item" not in dataset.task.shown or not dataset.schema.has_categories:
        return None
    category = dataset.items["category"]
    alike: NDArray[np.bool_] = (
        category[dataset.interactions["item"][position]] == category[loader.part.item[rows]]
    )
    return alike
