"""PLE: experts of each label beside shared ones, mixed layer after layer.

Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
Personalized Recommendations", RecSys 2020, sections 4.2 (CGC, one layer) and 4.3.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from recbench import Features, MultiTaskBatch, MultiTaskModel, Reads, Schema
from recbench.errors import UsageError
from recbench.layers import watch
from recbench_models.multitask.experts import EXPERT_SPACE, Experts, Gates
from recbench_models.multitask.inputs import Inputs
from recbench_models.multitask.task_weights import TaskWeights
from recbench_models.multitask.towers import Towers
from recbench_models.options import Options


@dataclass(frozen=True)
class PLEConfig(Options):
    """Options of `PLE`."""

    embedding_dim: int = 8  # width of each category's vectors
    extraction_layers: int = 2  # layers of experts; 1 makes the model CGC
    own_experts: int = 2  # of each label, in each layer
    shared_experts: int = 4  # in each layer
    expert: tuple[int, ...] = (16,)  # layers of each expert
    tower: tuple[int, ...] = (8,)  # hidden layers of each label's tower
    gate_bias: bool = False  # whether gates have a bias
    dropout: float = 0.0  # share of units left out in training
    loss_weights: tuple[float, ...] = ()  # one for each label; all 1 if empty
    loss_decay: tuple[float, ...] = ()  # factor of each label's weight a step; all 1 if empty

    def __post_init__(self) -> None:
        """Refuse a mixture of nothing."""
        if min(self.own_experts, self.shared_experts) < 0:
            raise UsageError("own_experts and shared_experts are numbers of 0 or more")
        if not self.own_experts + self.shared_experts:
            raise UsageError("a mixture needs own_experts or shared_experts of 1 or more")
        if self.extraction_layers < 1:
            raise UsageError(f"extraction_layers is {self.extraction_layers}; at least 1")


class Extraction(nn.Module):
    """One layer: label k mixes its own experts and the shared ones; the shared state mixes all."""

    def __init__(self, width: int, tasks: int, config: PLEConfig, *, last: bool) -> None:
        """Build a layer over inputs of `width`; the last one needs no shared state."""
        super().__init__()
        own, shared = config.own_experts, config.shared_experts
        numbers = [own] * tasks + [shared]
        self.experts = nn.ModuleList(
            Experts(width, number, config.expert, config.dropout) for number in numbers if number
        )
        self.has_own, self.has_shared = own > 0, shared > 0
        self.gates = nn.ModuleList(
            Gates(width, 1, own + shared, bias=config.gate_bias) for _ in range(tasks)
        )
        self.shared_gate = (
            None
            if last or not shared
            else Gates(width, 1, own * tasks + shared, bias=config.gate_bias)
        )

    def forward(self, states: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Return the states of labels and shared part after the layer, and the labels' gates.

        Args:
            states: One for each label and the shared one, T + 1 of [B, width].

        Returns:
            The same states, [B, H] each, and how much of each expert, its own first and then the
            shared ones, each label takes, [B, T, experts].
        """
        tasks = len(self.gates)
        inputs = (states[:tasks] if self.has_own else []) + (states[tasks:] * self.has_shared)
        found = [experts(x) for experts, x in zip(self.experts, inputs, strict=True)]
        shared = found[-1:] * self.has_shared
        mixed, weights = [], []
        for task, gate in enumerate(self.gates):
            reachable = torch.cat(found[task : task + 1] * self.has_own + shared, 1)
            weights.append(gate(states[task]))
            mixed.append((weights[-1] @ reachable)[:, 0])
        state = states[tasks]
        if self.shared_gate is not None:
            state = (self.shared_gate(state) @ torch.cat(found, 1))[:, 0]
        return [*mixed, state], torch.cat(weights, 1)


class PLE(MultiTaskModel):
    """y_k = h_k(g^k), where g^k is label k's state after the last layer of experts.

    In the first layer every state is the input; in each later one, what the layer before it made.
    Without own experts and with one layer it is MMoE; without shared ones labels share their input
    only.
    """

    api = 1
    Config = PLEConfig
    search_space = EXPERT_SPACE

    config: PLEConfig

    def __init__(self, schema: Schema, config: PLEConfig) -> None:
        """Build the network."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        tasks = len(schema.labels)
        self.inputs = Inputs(schema, config.embedding_dim)
        width, last = self.inputs.width, config.extraction_layers - 1
        layers = []
        for layer in range(config.extraction_layers):
            layers.append(Extraction(width, tasks, config, last=layer == last))
            width = config.expert[-1]
        self.layers = nn.ModuleList(layers)
        owners = [label for label in schema.labels for _ in range(config.own_experts)]
        owners += ["shared"] * config.shared_experts
        self.expert_names = tuple(
            f"{owner} {owners[: place + 1].count(owner)}" for place, owner in enumerate(owners)
        )
        self.towers = Towers(width, tasks, config.tower, config.dropout)
        self.weights = TaskWeights(schema, config.loss_weights, config.loss_decay)

    def forward(self, features: Features) -> Tensor:
        """Return a logit or number for each label, [B, T]."""
        states, _ = self._extract(features)
        outputs: Tensor = self.towers(torch.stack(states, 1))
        return outputs

    def loss(self, batch: MultiTaskBatch) -> Tensor:
        """Return the weighted sum of the labels' losses."""
        total: Tensor = self.weights(self.losses(batch))
        return total

    def gates(self, features: Features) -> Tensor:
        """Return how much of each expert of the last layer each label takes, [B, T, experts].

        A label's own experts come first, then the shared ones.
        """
        return self._extract(features)[1]

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return how much of each expert the gates of each layer take, `gateN/LABEL`, [B, E].

        The gate of the shared state, which all layers but the last have, is `gateN/(shared)`.
        """
        found: dict[str, Tensor] = {}
        with ExitStack() as stack:
            calls = [[stack.enter_context(watch(gate)) for gate in each] for each in self._gates()]
            self(features)
        for number, layer in enumerate(calls, 1):
            for task, label in enumerate(self.schema.labels):
                found[f"gate{number}/{label}"] = self._among_all(task, layer[task][0].output)
            for shared in layer[len(self.schema.labels) :]:
                found[f"gate{number}/(shared)"] = shared[0].output[:, 0]
        return found

    def _gates(self) -> list[list[nn.Module]]:
        """Return each layer's gates: those of the labels, and the shared one if there is one."""
        layers = cast("list[Extraction]", list(self.layers))
        return [
            [*layer.gates, *([layer.shared_gate] if layer.shared_gate else [])] for layer in layers
        ]

    def _among_all(self, task: int, gate: Tensor) -> Tensor:
        """Return label `task`'s gate, [B, 1, own + shared], as weights of all experts, [B, E].

        They are the labels' own, label by label, and then the shared ones; 0 for those that are
        another label's own.
        """
        own = self.config.own_experts
        weights = gate.new_zeros(len(gate), len(self.expert_names))
        weights[:, task * own : (task + 1) * own] = gate[:, 0, :own]
        weights[:, len(self.schema.labels) * own :] = gate[:, 0, own:]
        return weights

    def _extract(self, features: Features) -> tuple[list[Tensor], Tensor]:
        """Return the labels' states after the last layer, and its gates."""
        x = self.inputs(features)
        states, weights = [x] * (len(self.schema.labels) + 1), x
        for layer in self.layers:
            states, weights = layer(states)
        return states[:-1], weights
