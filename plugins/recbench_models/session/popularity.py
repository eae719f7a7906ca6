"""Popularity: the next item is the one that came next most often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from recbench import Features, FitResult, Model, NextItemModel, Reads, Schema, Source, TrainingRun
from recbench_models.options import Options


@dataclass(frozen=True)
class ItemPopularityConfig(Options):
    """Popularity has no options."""


class ItemPopularity(NextItemModel):
    """Scores an item by the logarithm of how often it came next in training, plus one.

    The first click of a session is not counted: nobody had to predict it.
    """

    api = 1
    Config = ItemPopularityConfig
    search_space = {}

    counts: Tensor

    def __init__(self, schema: Schema, config: ItemPopularityConfig) -> None:
        """Build the model with nothing counted."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.register_buffer("counts", torch.zeros(schema.items, dtype=torch.int64))

    def forward(self, features: Features) -> Tensor:
        """Return scores, [B, items] of float64: those of large counts are close."""
        return self.counts.double().log1p().expand(len(features), -1)

    @torch.no_grad()
    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Count the targets in one pass over `train`."""
        self.counts.zero_()
        for batch in train:
            found = torch.bincount(batch.labels, minlength=len(self.counts))
            self.counts += found.to(self.counts.device)
        scores = validate(self)
        return FitResult(epochs=1, best=scores, curve=[{"epoch": 1, **scores}])
