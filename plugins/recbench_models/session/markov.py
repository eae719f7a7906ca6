"""First-order Markov chain: the next item depends on the last one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recbench import (
    Features,
    FitResult,
    LogRange,
    Model,
    NextItemModel,
    Reads,
    Schema,
    Source,
    TrainingRun,
)
from recbench.errors import UsageError
from recbench.schema import FIRST_ID
from recbench_models.options import Options
from recbench_models.session.rows import Ints, SparseRows, count_pairs


@dataclass(frozen=True)
class MarkovConfig(Options):
    """Options of `Markov`."""

    prior: float = 1.0  # events that popularity counts for, beside those seen after the last item

    def __post_init__(self) -> None:
        """Refuse a prior that leaves probabilities of zero."""
        if not self.prior > 0:
            raise UsageError(f"markov.prior is {self.prior}; above 0")


class Markov(NextItemModel):
    """Scores an item by the logarithm of its probability, given the last item of the session.

        P(j | i) = (count(i, j) + prior * p(j)) / (count(i) + prior)

    where p(j) is how often j came next at all, plus one, as a share. With a prior of at most one,
    items that were seen after the last one come first, by their count; popularity decides between
    equals and orders the rest, and all items where there is no last one or it is unseen.
    """

    api = 1
    Config = MarkovConfig
    search_space = {"prior": LogRange(0.01, 100.0)}

    config: MarkovConfig
    popularity: Tensor

    def __init__(self, schema: Schema, config: MarkovConfig) -> None:
        """Build the model with nothing counted."""
        super().__init__(schema, config)
        self.reads = Reads(recent=1)
        self.item = schema.of("item")[0]
        self.transitions = SparseRows(self.item.size)
        self.register_buffer("popularity", torch.zeros(schema.items, dtype=torch.int64))

    def forward(self, features: Features) -> Tensor:
        """Return log probabilities, [B, items] of float64: those of large counts are close."""
        last = features.history.recent(1).fields[self.item.name][:, 0]
        share = self.popularity.double() + 1
        seen = (self.config.prior * share / share.sum()).repeat(len(features), 1)
        self.transitions.put(last, seen)
        return (seen / seen.sum(1, keepdim=True)).log_()

    @torch.no_grad()
    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Count what follows each item in one pass over `train`."""
        popularity = np.zeros(len(self.popularity), np.int64)

        def pairs() -> Iterator[tuple[Ints, Ints]]:
            for batch in train:
                last = batch.features.history.recent(1).fields[self.item.name][:, 0].numpy()
                target = batch.labels.numpy()
                popularity[:] += np.bincount(target, minlength=len(popularity))
                known = last >= FIRST_ID
                yield last[known], target[known]

        self.transitions.fill(*count_pairs(pairs(), len(popularity)))
        self.popularity.copy_(torch.from_numpy(popularity))
        scores = validate(self)
        return FitResult(epochs=1, best=scores, curve=[{"epoch": 1, **scores}])
