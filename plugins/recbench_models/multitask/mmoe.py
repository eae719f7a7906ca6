"""MMoE: shared experts, which every label mixes by a gate of its own.

Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
KDD 2018, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recbench import Features, MultiTaskBatch, MultiTaskModel, Reads, Schema
from recbench.errors import UsageError
from recbench.layers import watch
from recbench_models.multitask.experts import EXPERT_SPACE, Experts, Gates
from recbench_models.multitask.inputs import Inputs
from recbench_models.multitask.task_weights import TaskWeights
from recbench_models.multitask.towers import Towers
from recbench_models.options import Options


@dataclass(frozen=True)
class MMoEConfig(Options):
    """Options of `MMoE` and `MoE`."""

    embedding_dim: int = 8  # width of each category's vectors
    experts: int = 8  # how many
    expert: tuple[int, ...] = (16,)  # layers of each expert
    tower: tuple[int, ...] = (8,)  # hidden layers of each label's tower
    gate_bias: bool = False  # whether gates have a bias; the paper's have none
    dropout: float = 0.0  # share of units left out in training
    loss_weights: tuple[float, ...] = ()  # one for each label; all 1 if empty

    def __post_init__(self) -> None:
        """Refuse a mixture of nothing."""
        if self.experts < 1:
            raise UsageError(f"experts is {self.experts}; at least 1")


class MMoE(MultiTaskModel):
    """y_k = h_k(sum_i g^k(x)_i f_i(x)) with g^k = softmax(W_k x).

    The paper does not say how categories enter; here each has a vector, shared by experts and
    gates.
    """

    api = 1
    Config = MMoEConfig
    search_space = EXPERT_SPACE
    own_gates: ClassVar[bool] = True
    """Whether each label has a gate of its own."""

    def __init__(self, schema: Schema, config: MMoEConfig) -> None:
        """Build the network."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        tasks = len(schema.labels)
        self.inputs = Inputs(schema, config.embedding_dim)
        width = self.inputs.width
        self.experts = Experts(width, config.experts, config.expert, config.dropout)
        gates = tasks if self.own_gates else 1
        self.gate = Gates(width, gates, config.experts, bias=config.gate_bias)
        self.towers = Towers(self.experts.width, tasks, config.tower, config.dropout)
        self.weights = TaskWeights(schema, config.loss_weights)

    def forward(self, features: Features) -> Tensor:
        """Return a logit or number for each label, [B, T]."""
        x = self.inputs(features)
        outputs: Tensor = self.towers(self._gates(x) @ self.experts(x))
        return outputs

    def loss(self, batch: MultiTaskBatch) -> Tensor:
        """Return the weighted sum of the labels' losses."""
        total: Tensor = self.weights(self.losses(batch))
        return total

    def gates(self, features: Features) -> Tensor:
        """Return how much of each expert each label takes, [B, T, E]."""
        return self._gates(self.inputs(features))

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return how much of each expert each label takes, `gate/LABEL`, [B, E]."""
        with watch(self.gate) as calls:
            self(features)
        labels = self.schema.labels
        weights = calls[0].output.expand(-1, len(labels), -1)
        return {f"gate/{label}": weights[:, place] for place, label in enumerate(labels)}

    def _gates(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(x)
        return weights.expand(-1, len(self.schema.labels), -1)
