"""How much the loss of each label counts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbench import Schema
from recbench.errors import UsageError


class TaskWeights(nn.Module):
    """Weights of the labels' losses, which may shrink or grow with every step of training.

    Attributes:
        steps: Training steps so far, t.
    """

    first: Tensor
    ratio: Tensor
    steps: Tensor

    def __init__(
        self, schema: Schema, weights: Sequence[float] = (), decay: Sequence[float] = ()
    ) -> None:
        """Set the weight of label k to `weights[k] * decay[k] ** t`; all are 1 if empty.

        Raises:
            UsageError: If a number is negative, or there is not one for each label.
        """
        super().__init__()
        for name, values in (("loss_weights", weights), ("loss_decay", decay)):
            if values and (len(values) != len(schema.labels) or min(values) < 0):
                raise UsageError(
                    f"{name} is {list(values)}; give a number of 0 or more for each of "
                    f"{', '.join(schema.labels)}"
                )
        ones = [1.0] * len(schema.labels)
        self.register_buffer("first", torch.tensor(list(weights) or ones), persistent=False)
        self.register_buffer("ratio", torch.tensor(list(decay) or ones), persistent=False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, losses: Tensor) -> Tensor:
        """Return the weighted sum of [T] losses, a scalar; in training, that is a step."""
        total = (losses * self.first * self.ratio**self.steps).sum()
        if self.training:
            self.steps += 1
        return total
