"""Fully connected layers, the last part of nearly every click-through-rate model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from recbench.layers.dice import Dice
from recbench.ops.checks import check_choice

Activation = Literal["relu", "prelu", "sigmoid", "dice"]

ACTIVATIONS = ("relu", "prelu", "sigmoid", "dice")


class MLP(nn.Sequential):
    """Hidden layers (linear, batch norm, activation, dropout) and a linear output layer."""

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int],
        activation: Activation = "prelu",
        *,
        out_features: int = 1,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        """Build the layers.

        Args:
            in_features: Width of the input.
            hidden: Width of each hidden layer.
            activation: After each hidden layer.
            out_features: Width of the output, which has no activation.
            dropout: Share of hidden units set to zero in training.
            batch_norm: Whether to normalise each hidden layer before its activation.

        Raises:
            ValueError: If `activation` is unknown.
        """
        layers: list[nn.Module] = []
        for units in hidden:
            layers.append(nn.Linear(in_features, units))
            if batch_norm:
                layers.append(BatchNorm(units))
            layers.append(make_activation(activation, units))
            if dropout:
                layers.append(nn.Dropout(dropout))
            in_features = units
        super().__init__(*layers, nn.Linear(in_features, out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., out_features] for [..., in_features]."""
        rows = x.reshape(-1, x.shape[-1])
        for layer in self:
            rows = layer(rows)
        return rows.view(*x.shape[:-1], rows.shape[-1])


class BatchNorm(nn.BatchNorm1d):
    """Batch norm that normalises a training batch of one by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised rows, [N, units]."""
        if self.training and len(x) > 1:
            return super().forward(x)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def make_activation(name: Activation, units: int) -> nn.Module:
    """Return the activation `name` for rows of `units` units; raise ValueError if unknown."""
    check_choice("activation", name, ACTIVATIONS)
    match name:
        case "relu":
            return nn.ReLU()
        case "sigmoid":
            return nn.Sigmoid()
        case "prelu":
            return nn.PReLU(units)
        case "dice":
            return Dice(units)
