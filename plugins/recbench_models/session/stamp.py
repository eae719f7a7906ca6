"""STAMP, and STMP without attention.

Liu et al., "STAMP: Short-Term Attention/Memory Priority Model for Session-based Recommendation",
KDD 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from recbench import COMMON_SPACE, Choice, Features, NextItemBatch, NextItemModel, Reads, Schema
from recbench.layers import FieldEmbeddings, item_cross_entropy, watch
from recbench.ops.ragged import length_mask
from recbench.schema import FIRST_ID
from recbench_models.options import Options


@dataclass(frozen=True)
class STAMPConfig(Options):
    """Options of `STAMP` and `STMP`."""

    embedding_dim: int = 100  # width of items and of every layer, D
    history_length: int = 50  # latest clicks read; the paper reads all
    stamp_variant: Literal["paper", "reference"] = "paper"  # reference: as the released code
    max_norm: float = 1.5  # reference: longest vector of a click; its Yoochoose script has 1
    embedding_std: float = 0.002  # of the normal distribution that items are drawn from
    weight_std: float = 0.05  # of the one that weights are drawn from; biases begin at zero


class STMP(NextItemModel):
    """Multiplies the mean of a session with its last click (section 3.2).

    m_s is the mean of the clicks' vectors and x_t the last one; item j, of vector x_j, scores

        h_s = tanh(W_s m_s + b_s)    h_t = tanh(W_t x_t + b_t)
        z_j = sigmoid(sum(h_s * h_t * x_j))

    and the loss is the cross-entropy of softmax(z).

    Departures from the paper:

    - At most the latest `history_length` clicks are read.
    - An item that training does not have is a zero vector, and counts in the mean's length.

    `stamp_variant="reference"` is the released code's: no sigmoid, so that z can be any number,
    no biases in h_s and h_t, and vectors of clicks, not of candidates, cut to a length of
    `max_norm`. Its batches of sessions of equal length, its clipping of single gradients and its
    choice of the best epoch on the test part are left out.
    """

    api = 1
    Config = STAMPConfig
    search_space = {**COMMON_SPACE, "embedding_dim": Choice(50, 100, 200, 300)}
    training_settings = {"batch_size": 256, "learning_rate": 0.01, "schedule": "linear"}

    config: STAMPConfig

    def __init__(self, schema: Schema, config: STAMPConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=config.history_length)
        self.reference = config.stamp_variant == "reference"
        dim, item = config.embedding_dim, schema.of("item")[0]
        others = [field.name for field in schema.fields if field != item]
        self.embeddings = FieldEmbeddings(schema, dim, others, config.embedding_std)
        self.session = self._linear(bias=not self.reference)
        self.last = self._linear(bias=not self.reference)

    def forward(self, features: Features) -> Tensor:
        """Return scores, [B, items]."""
        scores = self.read(features) @ self.embeddings.table(self.embeddings.fields[0])[FIRST_ID:].T
        return scores if self.reference else scores.sigmoid_()

    def loss(self, batch: NextItemBatch) -> Tensor:
        """Return the mean cross-entropy of the next item among all items."""
        return item_cross_entropy(
            self.read(batch.features),
            self.embeddings.table(self.embeddings.fields[0]),
            batch.labels,
            FIRST_ID,
            squash=not self.reference,
        )

    def read(self, features: Features) -> Tensor:
        """Return h_s * h_t of each session, [B, D]: its inner product with an item scores that."""
        history = features.history
        recent = history.recent(min(self.config.history_length, history.longest))
        vectors = self.embeddings.several(recent.fields, history.recent(1).fields)
        clicks, last = map(self.clip, vectors)  # zero at padding
        last = last.squeeze(1)
        mean = clicks.sum(1) / recent.lengths.clamp(min=1)[:, None]
        session: Tensor = self.session(self.interest(clicks, last, mean)).tanh()
        product: Tensor = session * self.last(last).tanh()
        return product

    def interest(self, clicks: Tensor, last: Tensor, mean: Tensor) -> Tensor:
        """Return what stands for the session, [B, D]: here the mean of its clicks.

        Args:
            clicks: Vectors of the clicks, zero at padding, [B, T, D].
            last: Vector of the last click, [B, D].
            mean: Mean vector of the clicks, [B, D].
        """
        return mean

    def clip(self, vectors: Tensor) -> Tensor:
        """Return vectors [..., D] cut to a length of `max_norm`, in the reference variant."""
        if not self.reference:
            return vectors
        squares = vectors.square().sum(-1, keepdim=True)
        # The gradient of a square root is not finite at zero, where padding lies.
        longest = self.config.max_norm**2
        return vectors * (longest / squares.clamp(min=longest)).sqrt()

    def _linear(self, outputs: int = 0, *, bias: bool = True) -> nn.Linear:
        """Return a layer from D to `outputs`, D if 0, drawn as the paper does."""
        dim = self.config.embedding_dim
        layer = nn.Linear(dim, outputs or dim, bias=bias)
        nn.init.normal_(layer.weight, std=self.config.weight_std)
        if bias:
            nn.init.zeros_(layer.bias)
        return layer


class STAMP(STMP):
    """Weighs the clicks of a session by what they have to do with its last one and its mean.

    In place of the mean m_s, h_s reads (section 3.3, equations 7 and 8)

        m_a = sum_i a_i x_i    a_i = W_0 sigmoid(W_1 x_i + W_2 x_t + W_3 m_s + b_a)

    The weights are not normalised. Departures are those of `STMP`; in the reference variant
    h_s reads m_a + m_s.
    """

    def __init__(self, schema: Schema, config: STAMPConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.of_click = self._linear()  # its bias is b_a
        self.of_last = self._linear(bias=False)
        self.of_mean = self._linear(bias=False)
        self.weight = self._linear(1, bias=False)

    def interest(self, clicks: Tensor, last: Tensor, mean: Tensor) -> Tensor:
        """Return what stands for the session, [B, D]; arguments as in `STMP`."""
        context = self.of_last(last) + self.of_mean(mean)
        weights = self.weight(torch.sigmoid(self.of_click(clicks) + context[:, None]))
        attended: Tensor = (weights * clicks).sum(1)
        return attended + mean if self.reference else attended

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return the weights of the clicks read, `attention`, [B, T]."""
        with watch(self.weight) as calls:
            self(features)
        weights = calls[0].output[..., 0]
        mask = length_mask(features.history.lengths, weights.shape[1])
        return {"attention": weights.masked_fill(~mask, 0)}
