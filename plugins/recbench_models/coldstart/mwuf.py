"""MWUF: scaling and shifting networks that make warm ID vectors of cold ones.

Zhu et al., "Learning to Warm Up Cold Item Embeddings for Cold-start Recommendation with Meta
Scaling and Shifting Networks", SIGIR 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbench import Batch, EpisodeSource, Features, Schema, Source
from recbench.errors import UsageError
from recbench.layers import MLP
from recbench.model import Adapted
from recbench_models.coldstart.frozen_base import FrozenBase, FrozenBaseConfig, own_draws
from recbench_models.coldstart.warm_up import ItemVectors, mean_by_item


@dataclass(frozen=True)
class MWUFConfig(FrozenBaseConfig):
    """Options of `MWUF`."""

    warm_up_rate: float = 0.5  # learning rate of ID vectors
    meta_epochs: int = 5  # passes over the rows, at most
    hidden: int = 16  # units of the one hidden layer of each network


class MWUF(FrozenBase):
    """v_warm = v_cold * scale(X) + shift(G): X of the item, G of the users who had to do with it.

    X is the frozen vectors of the item's other fields, G the mean of the users' frozen vectors over
    the item's rows: rows of the training part for old items, of the support for new ones. Cold
    vectors are in a table of their own and begin at the mean of the backbone's. On rows of old
    items, the error with v_cold trains this table alone, the error with v_warm the networks alone.

    A new item's v_cold begins at the same mean and is warmed up by steps down the error with
    v_cold, as in training; predictions are those with v_warm.

    Departures:

    - Nothing is shifted where no user is known: training never shows the network such items.
    - Both networks begin as nothing but their bias, scale 1 and shift 0.
    """

    api = 1
    Config = MWUFConfig

    config: MWUFConfig
    common: Tensor
    old_users: Tensor

    def __init__(self, schema: Schema, config: MWUFConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        backbone = self.base.backbone
        for kind, width in (("item", backbone.content_width), ("user", backbone.user_width)):
            if not width:
                raise UsageError(
                    f"mwuf needs vectors of {kind} fields, and backbone {config.backbone} embeds "
                    f"none here{' but the id' if kind == 'item' else ''}; see its options "
                    "in mwuf.backbone_config"
                )
        with own_draws():
            self.scale, self.shift = (
                _constant(width, config.hidden, backbone.width, start)
                for width, start in ((backbone.content_width, 1.0), (backbone.user_width, 0.0))
            )
        self.cold = nn.Parameter(torch.zeros(backbone.item.size, backbone.width))
        self.register_buffer("common", torch.zeros(backbone.width))
        self.register_buffer("old_users", torch.zeros(backbone.item.size, backbone.user_width))

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]; new items have the common vector, scaled."""
        vectors = self.common * self.scale(self.base.backbone.content(features))
        logits: Tensor = self.base.backbone(features, self.base.unless_old(features, vectors))
        return logits

    def adapt(self, support: Batch) -> Adapted:
        """Return the model with the support's new items warmed up, scaled and shifted."""
        base = self.base
        items = base.items(support.features)
        start = mean_by_item(items, self.common.expand(len(items), -1))
        cold = self.warmed(support, start)
        users = mean_by_item(items, base.backbone.users(support.features))
        shifts = ItemVectors(users.items, self.shift(users.vectors))

        def adapted(features: Features) -> Tensor:
            item = base.items(features)
            rows = cold.lookup(item, self.common.expand(len(item), -1))
            scale = self.scale(base.backbone.content(features))
            vectors = rows * scale + shifts.lookup(item, torch.zeros_like(rows))
            logits: Tensor = base.backbone(features, base.unless_old(features, vectors))
            return logits

        return adapted

    def prepare(self, episodes: EpisodeSource) -> None:
        """Set cold vectors to the mean of the base's, and note who had to do with old items."""
        with torch.no_grad():
            base = self.base
            self.common.copy_(base.mean())
            self.cold.copy_(self.common.expand_as(self.cold))
            count = self.old_users.new_zeros(len(self.old_users), 1)
            for batch in episodes.rows:
                features = batch.features.to(count.device)
                item = base.items(features)
                self.old_users.index_add_(0, item, base.backbone.users(features))
                count.index_add_(0, item, count.new_ones(len(item), 1))
            self.old_users /= count.clamp(min=1)

    def second(self, episodes: EpisodeSource) -> Source:
        """Return all rows, which are of old items."""
        return episodes.rows

    def loss(self, batch: Batch) -> Tensor:
        """Return the error with cold vectors, for their table, plus that with warm ones.

        The gradients are apart: the first error is none of the networks' concern, the second none
        of the table's.
        """
        cold, warm = self.errors(batch)
        return cold + warm

    def errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the mean errors on rows of old items with cold and with warm vectors."""
        features, backbone = batch.features, self.base.backbone
        item = self.base.items(features)
        cold = self.cold[item]
        shift = self.shift(self.old_users[item])
        warm = cold.detach() * self.scale(backbone.content(features)) + shift
        first, second = (
            F.binary_cross_entropy_with_logits(backbone(features, vectors), batch.labels)
            for vectors in (cold, warm)
        )
        return first, second


def _constant(width: int, hidden: int, out: int, value: float) -> MLP:
    """Return a network that is `value` everywhere at first."""
    network = MLP(width, (hidden,), "relu", out_features=out)
    last = network[-1]
    nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    nn.init.constant_(last.bias, value)  # type: ignore[arg-type]
    return network
