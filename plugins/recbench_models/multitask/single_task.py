"""Single-task: a network for each label, and nothing shared.

The baseline of Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
Mixture-of-Experts", KDD 2018, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recbench import Features, MultiTaskBatch, MultiTaskModel, Reads, Schema
from recbench_models.multitask.experts import BOTTOM_SPACE, Experts
from recbench_models.multitask.inputs import Inputs
from recbench_models.multitask.task_weights import TaskWeights
from recbench_models.multitask.towers import Towers
from recbench_models.options import Options


@dataclass(frozen=True)
class SingleTaskConfig(Options):
    """Options of `SingleTask`."""

    embedding_dim: int = 8  # width of each category's vectors
    bottom: tuple[int, ...] = (113,)  # layers of each network before its tower
    tower: tuple[int, ...] = (8,)  # hidden layers of the tower
    dropout: float = 0.0  # share of units left out in training
    loss_weights: tuple[float, ...] = ()  # one for each label; all 1 if empty


class SingleTask(MultiTaskModel):
    """Learns every label by a network of its own, embeddings included.

    The networks have the shape of `shared-bottom`. One learning rate and one stopping epoch serve
    them all; the paper tunes them apart.
    """

    api = 1
    Config = SingleTaskConfig
    search_space = BOTTOM_SPACE

    def __init__(self, schema: Schema, config: SingleTaskConfig) -> None:
        """Build the networks."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        tasks = len(schema.labels)
        inputs = [Inputs(schema, config.embedding_dim) for _ in range(tasks)]
        self.inputs = nn.ModuleList(inputs)
        self.bottoms = nn.ModuleList(
            Experts(each.width, 1, config.bottom, config.dropout) for each in inputs
        )
        self.towers = Towers(config.bottom[-1], tasks, config.tower, config.dropout)
        self.weights = TaskWeights(schema, config.loss_weights)

    def forward(self, features: Features) -> Tensor:
        """Return a logit or number for each label, [B, T]."""
        hidden = [
            bottom(inputs(features))[:, 0]
            for inputs, bottom in zip(self.inputs, self.bottoms, strict=True)
        ]
        outputs: Tensor = self.towers(torch.stack(hidden, 1))
        return outputs

    def loss(self, batch: MultiTaskBatch) -> Tensor:
        """Return the weighted sum of the labels' losses."""
        total: Tensor = self.weights(self.losses(batch))
        return total
