"""Factorization machines.

Rendle, "Factorization Machines", ICDM 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recbench import CTRModel, Features, Reads, Schema
from recbench.layers import FieldEmbeddings


@dataclass(frozen=True)
class FMConfig:
    """Options of `FM`."""

    embedding_dim: int = 16  # width of each field's factors, k


class FM(CTRModel):
    """A weight for each id, and for each pair of ids the inner product of their factors.

    Departures from the paper:

    - It is trained as every other model here: by the harness's optimizer, and with no L2 penalty
      unless `training.weight_decay` asks for one.
    """

    api = 1
    Config = FMConfig

    def __init__(self, schema: Schema, config: FMConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)  # no history, so that none is gathered
        self.bias = nn.Parameter(torch.zeros(()))
        self.linear = FieldEmbeddings(schema, dim=1, std=0.0)
        # Small factors, so that training begins near the linear model and not with noise.
        self.factors = FieldEmbeddings(schema, config.embedding_dim, std=0.1)

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]: equation 1, with the pairs summed as in lemma 3.1."""
        factors: Tensor = self.factors(features)  # [B, F, D]
        pairs = 0.5 * (factors.sum(1).square() - factors.square().sum(1)).sum(1)
        weights: Tensor = self.linear(features)  # [B, F, 1]
        return self.bias + weights.sum((1, 2)) + pairs
