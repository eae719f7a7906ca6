"""A click model that warms up randomly initialised IDs of new items, and what others build on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor

from recbench import (
    COMMON_SPACE,
    Batch,
    CTRBatch,
    EpisodeSource,
    Features,
    FitResult,
    LogRange,
    MetaModel,
    Model,
    Schema,
    SearchSpace,
    Source,
    TrainingRun,
)
from recbench.model import Adapted
from recbench.schema import FIRST_ID
from recbench.training import fit
from recbench_models.coldstart.backbone import Backbone
from recbench_models.coldstart.warm_up import WarmUp, mean_by_item
from recbench_models.options import Options

SETTINGS = {"epochs": 10, "learning_rate": 1e-3, "patience": 2}
"""Of the backbone's training, chosen on validation items."""

SPACE: SearchSpace = {**COMMON_SPACE, "warm_up_rate": LogRange(0.05, 5.0)}
"""What tuning varies of the backbone's training and of warming up."""


@dataclass(frozen=True)
class WarmUpConfig(Options):
    """Options of every model that warms up IDs."""

    backbone: str = "din-base"  # the click model, a plugin's name
    backbone_config: dict[str, Any] = field(  # what of its configuration differs from its defaults
        default_factory=lambda: {"use_user_id": True}
    )
    warm_up_rows: int = 0  # of an item in a step; as many as training episodes support if 0
    warm_up_optimizer: Literal["adam", "sgd"] = "sgd"  # of ID vectors
    warm_up_rate: float = 1.0  # learning rate of ID vectors
    warm_up_passes: int = 1  # steps over the same rows

    def warm_up(self, step_rows: Tensor) -> WarmUp:
        """Return how ID vectors are warmed up, `step_rows` of an item in a step."""
        adam = self.warm_up_optimizer == "adam"
        return WarmUp(int(step_rows), self.warm_up_rate, self.warm_up_passes, adam)


@dataclass(frozen=True)
class RandomEmbeddingConfig(WarmUpConfig):
    """Options of `RandomEmbedding`."""

    start: Literal["random", "mean"] = "random"  # of new IDs: as drawn, or mean of the trained


class RandomEmbedding(MetaModel):
    """The baseline of `meta-embedding` and `mwuf`: new items begin where the backbone put them.

    The backbone is trained on all rows of the training part. Then, for each new item, its ID vector
    alone is learnt from support: one step for each K rows, in their order. It starts from what the
    backbone's initialisation drew for it, or with `start` "mean" from the mean of trained vectors.

    The papers take steps of Adam (`warm_up_optimizer`); here plain steps do better on validation
    items.
    """

    api = 1
    Config = RandomEmbeddingConfig
    training_settings = SETTINGS
    search_space = SPACE

    config: RandomEmbeddingConfig
    trained: Tensor
    drawn: Tensor
    step_rows: Tensor

    def __init__(self, schema: Schema, config: RandomEmbeddingConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.backbone = Backbone(schema, config.backbone, config.backbone_config)
        self.reads = self.backbone.model.reads
        item = self.backbone.item
        self.register_buffer("trained", torch.arange(item.size) < FIRST_ID)
        # Weight decay would shrink the rows of the backbone's tables that no example touches.
        self.register_buffer("drawn", self.backbone.table().detach().clone())
        self.register_buffer("step_rows", torch.tensor(max(1, config.warm_up_rows)))

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]; new items have the vectors they were initialised with."""
        logits: Tensor = self.backbone(features, self.own(features))
        return logits

    def adapt(self, support: Batch) -> Adapted:
        """Return the model with the support's new items warmed up, differentiable to first order.

        That is, as if the steps did not depend on where they start.
        """
        start = mean_by_item(self.items(support.features), self.own(support.features))
        warm_up = self.config.warm_up(self.step_rows)
        warmed = warm_up(self.backbone, support, start)

        def adapted(features: Features) -> Tensor:
            vectors = warmed.lookup(self.items(features), self.own(features))
            logits: Tensor = self.backbone(features, self.unless_old(features, vectors))
            return logits

        return adapted

    def items(self, features: Features) -> Tensor:
        """Return the ids of the targets, [B]."""
        return features.fields[self.backbone.item.name]

    def own(self, features: Features) -> Tensor:
        """Return the targets' ID vectors, as trained or, of new items, the first ones, [B, D]."""
        item = self.items(features)
        first = self.drawn[item] if self.config.start == "random" else self.mean()
        return self.backbone.table()[item].where(self.trained[item][:, None], first)

    def mean(self) -> Tensor:
        """Return the mean of the ID vectors that have been trained, [D]; 0 before training."""
        old = self.trained[FIRST_ID:, None]
        total = self.backbone.table()[FIRST_ID:].where(old, 0).sum(0)
        return total / old.sum().clamp(min=1)

    def unless_old(self, features: Features, vectors: Tensor) -> Tensor:
        """Return `vectors` [B, D], or the backbone's own for items that are not new.

        Those have training rows, or no id of their own.
        """
        old = self.trained[self.items(features)][:, None]
        return self.own(features).where(old, vectors)

    def loss(self, batch: Batch) -> Tensor:
        """Return the backbone's loss on rows, or on the queries of episodes."""
        return self.backbone.model.loss(CTRBatch(batch.features, batch.labels))

    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Train the backbone on all rows, and note which items they have."""
        episodes = cast("EpisodeSource", train)
        item = self.backbone.item.name
        for batch in episodes.rows:
            self.trained[batch.features.fields[item]] = True
        if not self.config.warm_up_rows:
            first = next(iter(episodes.batched(1)))
            self.step_rows.fill_(max(1, len(first.support)))
        self.backbone.model.before_training(episodes.rows)
        return fit(self, episodes.rows, validate, run)
