"""Shared bottom: one network for all labels, with a tower for each on top.

Caruana, "Multitask learning", Machine Learning 28, 1997; in the shape of Ma et al., "Modeling Task
Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts", KDD 2018, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from recbench import Features, MultiTaskBatch, MultiTaskModel, Reads, Schema
from recbench_models.multitask.experts import BOTTOM_SPACE, Experts
from recbench_models.multitask.inputs import Inputs
from recbench_models.multitask.task_weights import TaskWeights
from recbench_models.multitask.towers import Towers
from recbench_models.options import Options


@dataclass(frozen=True)
class SharedBottomConfig(Options):
    """Options of `SharedBottom`."""

    embedding_dim: int = 8  # width of each category's vectors
    bottom: tuple[int, ...] = (113,)  # layers that all labels share
    tower: tuple[int, ...] = (8,)  # hidden layers of each label's tower
    dropout: float = 0.0  # share of units left out in training
    loss_weights: tuple[float, ...] = ()  # one for each label; all 1 if empty


class SharedBottom(MultiTaskModel):
    """y_k = h_k(f(x)): all labels see the same hidden state.

    113 units have as many weights as `mmoe`'s 8 experts of 16, in the paper's synthetic experiment.
    """

    api = 1
    Config = SharedBottomConfig
    search_space = BOTTOM_SPACE

    def __init__(self, schema: Schema, config: SharedBottomConfig) -> None:
        """Build the network."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.inputs = Inputs(schema, config.embedding_dim)
        self.experts = Experts(self.inputs.width, 1, config.bottom, config.dropout)
        self.towers = Towers(self.experts.width, len(schema.labels), config.tower, config.dropout)
        self.weights = TaskWeights(schema, config.loss_weights)

    def forward(self, features: Features) -> Tensor:
        """Return a logit or number for each label, [B, T]."""
        shared = self.experts(self.inputs(features))  # [B, 1, H]
        outputs: Tensor = self.towers(shared.expand(-1, len(self.schema.labels), -1))
        return outputs

    def loss(self, batch: MultiTaskBatch) -> Tensor:
        """Return the weighted sum of the labels' losses."""
        total: Tensor = self.weights(self.losses(batch))
        return total
