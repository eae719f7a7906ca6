"""Meta-Embedding: a generator of ID vectors, trained so that few examples improve them fast.

Pan et al., "Warm Up Cold-start Advertisements: Improving CTR Predictions via Learning to Learn ID
Embeddings", SIGIR 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbench import Batch, EpisodeBatch, EpisodeSource, Features, Schema, Source
from recbench.errors import UsageError
from recbench.model import Adapted
from recbench.ops import backend
from recbench_models.coldstart.frozen_base import FrozenBase, FrozenBaseConfig, own_draws
from recbench_models.coldstart.warm_up import ItemVectors, errors_by_item, mean_by_item


@dataclass(frozen=True)
class MetaEmbeddingConfig(FrozenBaseConfig):
    """Options of `MetaEmbedding`."""

    meta_epochs: int = 10  # passes over the episodes, at most
    meta_rate: float = 5e-3  # Adam's learning rate for the generator
    meta_variant: Literal["paper", "reference"] = "paper"  # released code: a far smaller inner step
    inner_rate: float = 1.0  # of the one gradient step in training, a
    alpha: float = 0.1  # weight of the error before that step
    bound: float = 0.2  # largest absolute value of a generated number
    meta_episodes: int = 25  # old items a step


class MetaEmbedding(FrozenBase):
    """New items begin at a vector generated from what else is known of them.

    The generator is tanh(W c) * bound, c being the frozen vectors of the item's other fields. It
    is trained on pairs of batches of an old item's rows: the error on the first with the generated
    vector, and on the second after one gradient step on the first, both differentiated in W.

    Departures:

    - The paper's inner step is down the mean error of the item's own rows. So it is here; the
      released code divides it by the number of rows of all items in the batch, as does
      `meta_variant` "reference" (there each row has a step of its own, here an item's mean).
    - Several values of one field, such as genres, are fields of their own instead of a mean.
    - The generator that is kept is chosen on validation items; the released code has none.
    """

    api = 1
    Config = MetaEmbeddingConfig

    config: MetaEmbeddingConfig

    def __init__(self, schema: Schema, config: MetaEmbeddingConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        backbone = self.base.backbone
        if not backbone.content_width:
            raise UsageError(
                "meta-embedding makes a new item's vector of its other fields, and "
                f"backbone {config.backbone} embeds none here"
            )
        with own_draws():
            self.generator = nn.Linear(backbone.content_width, backbone.width, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]; new items have generated vectors."""
        logits: Tensor = self.base.backbone(features, self.initial(features))
        return logits

    def adapt(self, support: Batch) -> Adapted:
        """Return the model with the support's items warmed up from the mean of their vectors."""
        items = self.base.items(support.features)
        start = mean_by_item(items, self.generate(support.features))
        warmed = self.warmed(support, start)

        def adapted(features: Features) -> Tensor:
            vectors = warmed.lookup(self.base.items(features), self.generate(features))
            logits: Tensor = self.base.backbone(features, self.base.unless_old(features, vectors))
            return logits

        return adapted

    def generate(self, features: Features) -> Tensor:
        """Return vectors of the targets, new or not, [B, D]."""
        raw = self.generator(self.base.backbone.content(features))
        return self.config.bound * torch.tanh(raw)

    def initial(self, features: Features) -> Tensor:
        """Return generated vectors of new items and the backbone's of others, [B, D]."""
        return self.base.unless_old(features, self.generate(features))

    def second(self, episodes: EpisodeSource) -> Source:
        """Return episodes of old items, which are taken for new."""
        return episodes.batched(self.config.meta_episodes)

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Return alpha l_a + (1 - alpha) l_b (section 3.3), as if no item were old."""
        with backend("reference"):  # native kernels have no second derivative
            cold, warm = self.errors(batch)
        return self.config.alpha * cold + (1 - self.config.alpha) * warm

    def errors(self, batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
        """Return l_a and l_b: the errors on support before, on queries after the inner step."""
        support, backbone = batch.support, self.base.backbone
        asked, known = self._episode_items(batch)
        start = mean_by_item(known, self.generate(support.features))
        place = torch.searchsorted(start.items, known)
        logits = backbone(support.features, start.vectors[place])
        errors = errors_by_item(logits, support.labels, place, len(start.items))
        scale = 1 if self.config.meta_variant == "paper" else 1 / max(1, len(support))
        moved = start.vectors
        if len(support):
            (gradient,) = torch.autograd.grad(errors.sum(), start.vectors, create_graph=True)
            moved = moved - self.config.inner_rate * scale * gradient
        after = ItemVectors(start.items, moved).lookup(asked, self.generate(batch.features))
        warm = F.binary_cross_entropy_with_logits(backbone(batch.features, after), batch.labels)
        return errors.sum() / max(1, len(errors)), warm

    def _episode_items(self, batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
        """Return a number of each query's and support example's item within its episode."""
        found = []
        for features, offsets in (
            (batch.features, batch.query_offsets),
            (batch.support.features, batch.support_offsets),
        ):
            item = self.base.items(features)
            sizes = torch.tensor(offsets, device=item.device).diff()
            episode = torch.arange(len(sizes), device=item.device).repeat_interleave(sizes)
            found.append(episode * self.base.backbone.item.size + item)
        return found[0], found[1]
