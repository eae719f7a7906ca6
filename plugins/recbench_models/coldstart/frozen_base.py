"""What `meta-embedding` and `mwuf` share: training in two stages, on a frozen base."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import torch

from recbench import (
    Batch,
    EpisodeSource,
    FitResult,
    LogRange,
    MetaModel,
    Model,
    Schema,
    Source,
    TrainingRun,
)
from recbench.training import fit
from recbench_models.coldstart.random_embedding import (
    SETTINGS,
    SPACE,
    RandomEmbedding,
    RandomEmbeddingConfig,
    WarmUpConfig,
)
from recbench_models.coldstart.warm_up import ItemVectors


@dataclass(frozen=True)
class FrozenBaseConfig(WarmUpConfig):
    """Options of the backbone, of warming up, and of the second stage."""

    meta_epochs: int = 3  # passes of the second stage, at most
    meta_rate: float = 1e-3  # Adam's learning rate in the second stage


def own_draws() -> AbstractContextManager[None]:
    """Draw what is put on a base within, and leave random numbers to training as the base does."""
    return torch.random.fork_rng(devices=[])


class FrozenBase(MetaModel):
    """Trains `random-embedding` as it is, freezes it, then trains what is its own.

    The base is selected by what it scores itself, warmed up by the defaults of `random-embedding`,
    so that it is the same whatever is put on it; that is drawn by `own_draws`.

    Attributes:
        base: The backbone and which items are old; it has no gradients but in its own training.
    """

    training_settings = SETTINGS
    search_space = {**SPACE, "meta_rate": LogRange(1e-4, 1e-1)}

    config: Any

    def __init__(self, schema: Schema, config: FrozenBaseConfig) -> None:
        """Build the base."""
        super().__init__(schema, config)
        base = RandomEmbeddingConfig(config.backbone, config.backbone_config, config.warm_up_rows)
        self.base = RandomEmbedding(schema, base).requires_grad_(False)
        self.reads = self.base.reads

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all but the base, which stays in evaluation mode."""
        super().train(mode)
        self.base.eval()
        return self

    def warmed(self, support: Batch, start: ItemVectors) -> ItemVectors:
        """Return the vectors of the support's items, warmed up from `start`."""
        warm_up = self.config.warm_up(self.base.step_rows)
        vectors: ItemVectors = warm_up(self.base.backbone, support, start)
        return vectors

    def prepare(self, episodes: EpisodeSource) -> None:
        """Take from the trained base what the second stage begins with."""

    def second(self, episodes: EpisodeSource) -> Source:
        """Return what the second stage trains on."""
        raise NotImplementedError

    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Train the base by `run.config`, and then the rest by `meta_epochs` and `meta_rate`."""
        episodes = cast("EpisodeSource", train)
        self.base.requires_grad_(True)
        first = self.base.fit(episodes, validate, run.stage("base"))
        self.base.requires_grad_(False)
        self.prepare(episodes)
        settings = replace(
            run.config,
            epochs=self.config.meta_epochs,
            learning_rate=self.config.meta_rate,
            optimizer="adam",
            schedule="constant",
            warmup_steps=0,
            weight_decay=0.0,
        )
        second = fit(self, self.second(episodes), validate, run.stage("second", settings))
        curve = [*first.curve, *second.curve]
        for epoch, row in enumerate(curve, 1):
            row["epoch"] = epoch
        seconds = [sum(row["seconds"] for row in each.curve) for each in (first, second)]
        samples = first.samples_per_second * seconds[0] + second.samples_per_second * seconds[1]
        speed, earlier = samples / sum(seconds), first.earlier_seconds + second.earlier_seconds
        return FitResult(len(curve), second.best, curve, speed, earlier)
