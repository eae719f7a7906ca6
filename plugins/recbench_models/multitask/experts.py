"""Experts that run side by side, and gates that mix them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbench import COMMON_SPACE, Choice, Range, SearchSpace
from recbench.errors import UsageError

EXPERT_SPACE: SearchSpace = {
    **COMMON_SPACE,
    "dropout": Range(0.0, 0.5),
    "expert": Choice((16,), (32,), (64,), (128,)),
}
BOTTOM_SPACE: SearchSpace = {
    **COMMON_SPACE,
    "dropout": Range(0.0, 0.5),
    "bottom": Choice((113,), (256,), (512,), (1024,)),
}
"""What tuning varies. Eight experts and a bottom may be equally wide in all; the MMoE paper too
tunes widths, up to 2,048 units in a layer of all experts."""


class Experts(nn.Module):
    """MLPs of one shape with ReLU after each layer, all over the same input.

    Attributes:
        weights: For each layer the experts' weights, [E, inputs, units].
        biases: For each layer the experts' biases, [E, 1, units].
        width: Units of the last layer, H.
    """

    def __init__(
        self, in_features: int, number: int, units: Sequence[int], dropout: float = 0.0
    ) -> None:
        """Build `number` experts with layers of `units`, each drawn as `nn.Linear` draws them.

        Args:
            in_features: Width of the input.
            number: How many experts, E; may be 0.
            units: Width of each layer; the last is what an expert returns.
            dropout: Share of each layer's outputs set to zero in training.

        Raises:
            UsageError: If `units` is empty.
        """
        super().__init__()
        if not units:
            raise UsageError("an expert or bottom has no layers; give 1 or more")
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for width in units:
            bound = in_features**-0.5
            weight = torch.empty(number, in_features, width).uniform_(-bound, bound)
            self.weights.append(weight)
            self.biases.append(torch.empty(number, 1, width).uniform_(-bound, bound))
            in_features = width
        self.dropout = nn.Dropout(dropout)
        self.width = in_features

    def forward(self, x: Tensor) -> Tensor:
        """Return what each expert makes of [B, inputs], [B, E, H]."""
        hidden = x
        for weight, bias in zip(self.weights, self.biases, strict=True):
            if hidden.ndim == 2:  # the first layer, one for all: all experts read the same
                experts, _, units = weight.shape
                wide = torch.addmm(bias.flatten(), hidden, weight.transpose(0, 1).flatten(1))
                hidden = wide.view(len(x), experts, units).transpose(0, 1)
            else:
                hidden = torch.baddbmm(bias, hidden, weight)
            hidden = self.dropout(torch.relu(hidden))  # [E, B, units]
        return hidden.transpose(0, 1)


class Gates(nn.Module):
    """Linear layers with a softmax, each of which weighs the experts by what the input is.

    Attributes:
        layer: Of all gates, one after the other.
    """

    def __init__(self, in_features: int, gates: int, experts: int, *, bias: bool = False) -> None:
        """Build `gates` gates over `experts` experts; the paper's have no bias."""
        super().__init__()
        self.gates = gates
        self.layer = nn.Linear(in_features, gates * experts, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weights for [B, inputs], [B, gates, E]; those of a gate sum to 1."""
        logits: Tensor = self.layer(x)
        return logits.view(len(x), self.gates, -1).softmax(2)
