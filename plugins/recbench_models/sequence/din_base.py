"""The base model of the DIN paper: embedding, pooling, MLP.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from recbench import COMMON_SPACE, CTRModel, Features, Range, Reads, Schema
from recbench.layers import MLP, Activation, FieldEmbeddings
from recbench_models.options import Options


@dataclass(frozen=True)
class DINBaseConfig(Options):
    """Options of `DINBase`."""

    embedding_dim: int = 16  # width of each field's vectors
    use_user_id: bool = False  # whether the field "user" is embedded
    history_length: int = 50  # latest events read
    pooling: Literal["mean", "sum"] = "mean"  # of the events' vectors
    mlp: tuple[int, ...] = (200, 80)  # hidden layers
    activation: Activation = "prelu"  # after each hidden layer
    dropout: float = 0.0  # share of hidden units left out in training


class DINBase(CTRModel):
    """Sees the history as one pooled vector, the same for every target.

    Departures from the paper:

    - One logit instead of a softmax over two classes: the same function with fewer weights.
    - The history is pooled by its mean, as in the released code; the paper allows sum or mean.
    - No batch norm before the MLP: the released code runs it without training mode, where it is
      an affine map, which the next linear layer contains. No bias per item, for the same reason:
      the paper has none.
    - The user id is left out unless asked for, as in the released code.
    """

    api = 1
    Config = DINBaseConfig
    search_space = {**COMMON_SPACE, "dropout": Range(0.0, 0.5)}

    config: DINBaseConfig

    def __init__(self, schema: Schema, config: DINBaseConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=config.history_length)
        exclude = () if config.use_user_id else ("user",)
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, exclude)
        width = self.embeddings.profile_width + 2 * self.embeddings.item_width
        self.mlp = MLP(width, config.mlp, config.activation, dropout=config.dropout)

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        profile = self.embeddings.profile(features)
        target = self.embeddings.target(features)
        logits: Tensor = self.mlp(torch.cat([profile, self.interest(features), target], 1))
        return logits.squeeze(1)

    def interest(self, features: Features) -> Tensor:
        """Return the pooled history, [B, K * D], zeros where it is empty."""
        history = features.history.recent(min(self.config.history_length, features.history.longest))
        total = self.embeddings.history(history).sum(1)  # padding embeds to zero
        if self.config.pooling == "sum":
            return total
        return total / history.lengths.clamp(min=1)[:, None]
