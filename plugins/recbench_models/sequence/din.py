"""Deep Interest Network.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from recbench import (
    COMMON_SPACE,
    CTRBatch,
    CTRModel,
    Features,
    Range,
    Reads,
    Schema,
    Source,
)
from recbench.layers import (
    MLP,
    Activation,
    DINAttention,
    FieldEmbeddings,
    MiniBatchAwareL2,
    watch,
)
from recbench_models.options import Options


@dataclass(frozen=True)
class DINConfig(Options):
    """Options of `DIN`."""

    embedding_dim: int = 16  # width of each field's vectors
    use_user_id: bool = False  # whether the field "user" is embedded
    history_length: int = 50  # latest events read
    attention_mlp: tuple[int, int] = (80, 40)  # hidden layers of the activation unit
    attention_activation: Activation = "prelu"  # in the activation unit
    att_normalize: Literal["none", "softmax"] = "none"  # paper; released code: softmax
    att_scaled: bool = False  # whether scores are divided by sqrt(width), as in the released code
    mlp: tuple[int, ...] = (200, 80)  # hidden layers
    activation: Activation = "prelu"  # after each hidden layer
    dropout: float = 0.0  # share of hidden units left out in training
    mba_l2: float = 0.0  # strength of mini-batch aware L2, lambda; the paper has 0.01


class DIN(CTRModel):
    """Weighs each event of the history by what it has to do with the target.

    Departures from the paper:

    - The activation unit reads [q, k, q - k, q * k], as the released code and every public
      implementation do; the paper speaks of an "out product".
    - PReLU everywhere, which is the paper's plain DIN; "dice" gives its "DIN with Dice".
    - Mini-batch aware L2 is off by default: the paper uses it on its private data only.
    - One logit instead of a softmax over two classes: the same function with fewer weights.
    - The user id is left out unless asked for, as in the released code.
    """

    api = 1
    Config = DINConfig
    search_space = {**COMMON_SPACE, "dropout": Range(0.0, 0.5)}

    config: DINConfig

    def __init__(self, schema: Schema, config: DINConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=config.history_length)
        exclude = () if config.use_user_id else ("user",)
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, exclude)
        item_width = self.embeddings.item_width
        self.attention = DINAttention(
            item_width,
            config.attention_mlp,
            config.attention_activation,
            config.att_normalize,
            config.att_scaled,
        )
        width = self.embeddings.profile_width + 2 * item_width
        self.mlp = MLP(width, config.mlp, config.activation, dropout=config.dropout)
        self.penalty = MiniBatchAwareL2(self.embeddings) if config.mba_l2 else None

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        profile = self.embeddings.profile(features)
        history = features.history.recent(min(self.config.history_length, features.history.longest))
        target, events = self.embeddings.several(features.fields, history.fields)
        interest = self.attention(target, events, history.lengths)
        logits: Tensor = self.mlp(torch.cat([profile, interest, target], 1))
        return logits.squeeze(1)

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return the weights of the latest events, `attention`, [B, T]."""
        with watch(self.attention) as calls:
            self(features)
        return {"attention": self.attention.weights(*calls[0].arguments)}

    def loss(self, batch: CTRBatch) -> Tensor:
        """Return the mean binary cross-entropy, plus the penalty if there is one."""
        loss = super().loss(batch)
        if self.penalty is None:
            return loss
        # Half, because equation 7 lets lambda absorb the derivative's factor of 2.
        penalty: Tensor = self.penalty(self.embeddings, batch.features)
        return loss + 0.5 * self.config.mba_l2 * penalty

    def before_training(self, train: Source) -> None:
        """Count each id's occurrences in `train`, for mini-batch aware L2."""
        if self.penalty is not None:
            self.penalty.count(batch.features for batch in train)
