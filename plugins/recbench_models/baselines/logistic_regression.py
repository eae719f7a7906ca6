"""Logistic regression on the ids of an example, without its history."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recbench import CTRModel, Features, Reads, Schema
from recbench.layers import FieldEmbeddings
from recbench_models.options import Options


@dataclass(frozen=True)
class LogisticRegressionConfig(Options):
    """Logistic regression has no options."""


class LogisticRegression(CTRModel):
    """One weight for each id of each user, item and context field, all zero at first, and a bias.

    No interactions: for a given user, every other user's ranking of the items is the same.
    """

    api = 1
    Config = LogisticRegressionConfig

    def __init__(self, schema: Schema, config: LogisticRegressionConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.weights = FieldEmbeddings(schema, dim=1, std=0.0)
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        weights: Tensor = self.weights(features)
        return weights.sum((1, 2)) + self.bias
