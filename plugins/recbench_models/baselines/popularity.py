"""Popularity: an item is as good as the number of clicks it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from recbench import CTRModel, Features, FitResult, Model, Reads, Schema, Source, TrainingRun
from recbench_models.options import Options


@dataclass(frozen=True)
class PopularityConfig(Options):
    """Popularity has no options."""


class Popularity(CTRModel):
    """Scores an item by the logarithm of its clicks in the training part, plus one.

    The score orders items and is no calibrated logit: its log loss means nothing.
    """

    api = 1
    Config = PopularityConfig
    search_space = {}

    clicks: Tensor

    def __init__(self, schema: Schema, config: PopularityConfig) -> None:
        """Build the model with no click counted."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.item = schema.of("item")[0]
        self.register_buffer("clicks", torch.zeros(self.item.size, dtype=torch.int64))

    def forward(self, features: Features) -> Tensor:
        """Return scores, [B]."""
        return self.clicks[features.fields[self.item.name]].to(torch.get_default_dtype()).log1p()

    @torch.no_grad()
    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Count the clicks of each item in one pass over `train`."""
        self.clicks.zero_()
        for batch in train:
            clicked = batch.features.fields[self.item.name][batch.labels > 0]
            found = torch.bincount(clicked, minlength=self.item.size)
            self.clicks += found.to(self.clicks.device)
        scores = validate(self)
        return FitResult(epochs=1, best=scores, curve=[{"epoch": 1, **scores}])
