"""Item-based k nearest neighbours: items that share sessions with the last one.

The baseline of Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks",
ICLR 2016, section 4; the regularisation is that of its released code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench import (
    Choice,
    Features,
    FitResult,
    Model,
    NextItemModel,
    Range,
    Reads,
    Schema,
    Source,
    TrainingRun,
)
from recbench.batch import Batch
from recbench.errors import UsageError
from recbench.schema import FIRST_ID
from recbench_models.options import Options
from recbench_models.session.rows import Ints, SparseRows, count_pairs


@dataclass(frozen=True)
class ItemKNNConfig(Options):
    """Options of `ItemKNN`."""

    neighbours: int = 100  # most similar items kept for each item, k
    regularisation: float = 20.0  # sessions added to each item's own, so that rare items stay low

    def __post_init__(self) -> None:
        """Refuse values that give no similarity."""
        if self.neighbours < 1:
            raise UsageError(f"item-knn.neighbours is {self.neighbours}; at least 1")
        if self.regularisation < 0:
            raise UsageError(f"item-knn.regularisation is {self.regularisation}; at least 0")


class ItemKNN(NextItemModel):
    """Scores an item by its similarity to the last item of the session; 0 if it is no neighbour.

        similarity(i, j) = sessions with both / sqrt((sessions(i) + r) * (sessions(j) + r))

    The released code counts a pair once for each two of its events; here, as the paper's text
    says, a session counts once. A session is known by its examples: those whose target is new to
    it name each of its pairs once.
    """

    api = 1
    Config = ItemKNNConfig
    search_space = {
        "neighbours": Choice(20, 50, 100, 200, 500),  # 100 is usual
        "regularisation": Range(0.0, 100.0),  # around the 20 of the released code
    }

    config: ItemKNNConfig

    def __init__(self, schema: Schema, config: ItemKNNConfig) -> None:
        """Build the model without neighbours."""
        super().__init__(schema, config)
        self.reads = Reads()  # whole histories in `fit`; `forward` needs the last event
        self.item = schema.of("item")[0]
        self.neighbours = SparseRows(self.item.size)

    def forward(self, features: Features) -> Tensor:
        """Return similarities, [B, items]."""
        last = features.history.recent(1).fields[self.item.name][:, 0]
        scores = torch.zeros(len(features), self.schema.items, device=last.device)
        return self.neighbours.put(last, scores)

    @torch.no_grad()
    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Count who shares sessions in one pass over `train`, and keep the most similar."""
        items = self.schema.items
        sessions = np.zeros(items, np.int64)

        def pairs() -> Iterator[tuple[Ints, Ints]]:
            for batch in train:
                earlier, new, opening = _pairs(batch, self.item.name)
                sessions[:] += np.bincount(opening, minlength=items)
                yield np.concatenate([earlier, new]), np.concatenate([new, earlier])

        rows, columns, both = count_pairs(pairs(), items)
        size = sessions + self.config.regularisation
        similarity = both / np.sqrt(size[rows] * size[columns])
        kept = _largest(rows, similarity, self.config.neighbours)
        self.neighbours.fill(rows[kept] + FIRST_ID, columns[kept], similarity[kept])
        scores = validate(self)
        return FitResult(epochs=1, best=scores, curve=[{"epoch": 1, **scores}])


def _pairs(batch: Batch, item: str) -> tuple[Ints, Ints, Ints]:
    """Return what a batch adds: pairs of an earlier and a new item, and items by new session."""
    history, target = batch.features.history, batch.labels.numpy()
    lengths = history.lengths.numpy()
    event = history.fields[item].numpy() - FIRST_ID
    owner = np.arange(len(target)).repeat(lengths)
    again = np.zeros(len(target), bool)
    again[owner[event == target[owner]]] = True
    met = (event >= 0) & ~again[owner]
    distinct = np.unique(np.stack([owner[met], event[met]], 1), axis=0)
    first = event[(lengths[owner] == 1) & (event >= 0)]
    return distinct[:, 1], target[distinct[:, 0]], np.concatenate([target[~again], first])


def _largest(rows: Ints, values: NDArray[np.float64], k: int) -> Ints:
    """Return the places of the `k` largest values of each row; equal ones by their place."""
    order = np.lexsort((-values, rows))
    rank = np.arange(len(order)) - np.searchsorted(rows, rows)
    return np.sort(order[rank < k])
