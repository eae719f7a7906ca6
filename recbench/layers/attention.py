"""DIN's local activation unit as a module."""

from __future__ import annotations

from torch import Tensor, nn

from recbench.layers.dice import Dice
from recbench.layers.mlp import Activation, make_activation
from recbench.ops import din_attention
from recbench.ops.din_attention import Normalize, event_weights, first_layer, weighted_sum
from recbench.ops.ragged import length_mask


class DINAttention(nn.Module):
    """Sums a history's events with weights given by the target: `recbench.ops.din_attention`.

    In training with Dice the operator cannot be used, because Dice needs statistics over the whole
    batch; the same steps then run one by one, and only real events enter the statistics.
    """

    def __init__(
        self,
        width: int,
        hidden: tuple[int, int] = (80, 40),
        activation: Activation = "prelu",
        normalize: Normalize = "none",
        scaled: bool = False,
    ) -> None:
        """Build the unit.

        Args:
            width: Width of target and events, D.
            hidden: Units of the two hidden layers.
            activation: After each hidden layer.
            normalize: "none" (the paper) or "softmax" over the events.
            scaled: Whether scores are divided by sqrt(D).

        Raises:
            ValueError: If `hidden` has not two widths or `activation` is unknown.
        """
        super().__init__()
        if len(hidden) != 2:
            raise ValueError(f"hidden: expected 2 widths, got {len(hidden)}")
        self.hidden1 = nn.Linear(4 * width, hidden[0])
        self.hidden2 = nn.Linear(hidden[0], hidden[1])
        self.score = nn.Linear(hidden[1], 1)
        self.activation1 = make_activation(activation, hidden[0])
        self.activation2 = make_activation(activation, hidden[1])
        self.activation = activation
        self.normalize: Normalize = normalize
        self.scale = width**-0.5 if scaled else 1.0

    def forward(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:
        """Return the attended history, [B, D], zeros where it is empty.

        Args:
            query: The target, [B, D].
            keys: The events, right-padded, [B, T, D].
            lengths: Number of real events in each row, [B] of int64.
        """
        if self.activation == "dice" and self.training:
            return weighted_sum(self.weights(query, keys, lengths), keys)
        return din_attention(
            query, keys, lengths,
            self.hidden1.weight, self.hidden1.bias,
            self.hidden2.weight, self.hidden2.bias,
            self.score.weight[0], self.score.bias,
            self.activation, self.normalize,
            _slope(self.activation1), _slope(self.activation2),
            _gate(self.activation1), _gate(self.activation2),
            self.scale,
        )  # fmt: skip

    def weights(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:
        """Return the weight of each event in the sum, [B, T], 0 at padding; as in `forward`."""
        mask = length_mask(lengths, keys.shape[1])
        scores = self.scores(query, keys, mask)
        return event_weights(scores, mask, self.normalize, self.scale)

    def scores(self, query: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Return the score of each event before any masking, [B, T]."""
        hidden = first_layer(query, keys, self.hidden1.weight, self.hidden1.bias)
        real = mask.flatten()
        hidden = self._activate(self.activation1, hidden.flatten(0, 1), real)
        hidden = self._activate(self.activation2, self.hidden2(hidden), real)
        scores: Tensor = self.score(hidden)
        return scores.view(mask.shape)

    @staticmethod
    def _activate(activation: nn.Module, values: Tensor, real: Tensor) -> Tensor:
        arguments = (values, real) if isinstance(activation, Dice) else (values,)
        activated: Tensor = activation(*arguments)
        return activated


def _slope(activation: nn.Module) -> Tensor | None:
    if isinstance(activation, Dice):
        return activation.alpha
    return activation.weight if isinstance(activation, nn.PReLU) else None


def _gate(activation: nn.Module) -> Tensor | None:
    return activation.gate() if isinstance(activation, Dice) else None
