"""Dice, the data-adaptive activation of DIN.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, section 5.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbench.ops.din_attention import dice

MOMENTUM = 0.1
EPSILON = 1e-8


class Dice(nn.Module):
    """PReLU whose turning point follows the distribution of its input.

    f(s) = p s + (1 - p) alpha s with p = sigmoid((s - E[s]) / sqrt(Var[s] + 1e-8)), equation 3.
    Training takes mean and variance of the mini-batch and evaluation their moving averages, as in
    the paper. The slopes alpha start at 0, as in the released code; the paper does not say.

    A training batch with fewer than two real rows has no variance: it is normalised by the moving
    averages, which it leaves alone.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, units: int) -> None:
        """Build the activation for inputs of `units` units."""
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(units))
        self.register_buffer("running_mean", torch.zeros(units))
        self.register_buffer("running_var", torch.ones(units))

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return activated values.

        Args:
            values: [N, units].
            mask: True for rows that count as part of the batch, [N]; all of them if None.
        """
        values = values.to(self.running_mean.dtype)
        if self.training:
            # Statistics in low precision would drift.
            with torch.autocast(values.device.type, enabled=False):
                mean, var = self._moments(values, mask)
        else:
            mean, var = self.running_mean, self.running_var
        return dice(values, self.alpha, mean, (var + EPSILON).rsqrt())

    def gate(self) -> Tensor:
        """Return evaluation's mean and 1 / deviation of each unit, [2, units]."""
        return torch.stack([self.running_mean, (self.running_var + EPSILON).rsqrt()])

    def _moments(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        if mask is None:
            mask = values.new_ones(len(values), dtype=torch.bool)
        weight = mask.to(values.dtype)
        count = weight.sum()
        mean = (weight @ values) / count.clamp(min=1)
        var = (weight @ (values - mean).square()) / count.clamp(min=1)
        enough = count > 1
        with torch.no_grad():
            momentum = MOMENTUM * enough
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(var, momentum)
        return mean.where(enough, self.running_mean), var.where(enough, self.running_var)
