"""DIEN's recurrent layers as modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbench.ops import augru
from recbench.ops.augru import AttentionMode
from recbench.ops.dispatch import runs_native
from recbench.ops.ragged import length_mask


class AUGRU(nn.Module):
    """A GRU with attention: `recbench.ops.augru` with its weights.

    Parameters are named as in a one-layer `torch.nn.GRU`, whose state dict loads here.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        att_mode: AttentionMode = "paper",
        reset_after: bool = True,
    ) -> None:
        """Build the layer; `att_mode` and `reset_after` are those of `recbench.ops.augru`."""
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size))
        self.att_mode: AttentionMode = att_mode
        self.reset_after = reset_after
        bound = hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, x: Tensor, attention: Tensor, lengths: Tensor, h0: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the state after each step, [B, T, H], and after the last real one, [B, H].

        Args:
            x: Inputs, right-padded, [B, T, I].
            attention: Attention weight of each step, [B, T].
            lengths: Number of real steps in each row, [B] of int64.
            h0: The first state, [B, H]; zeros if None.
        """
        return augru(
            x, attention, lengths,
            self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0,
            h0, self.att_mode, self.reset_after,
        )  # fmt: skip


class GRU(nn.GRU):
    """`torch.nn.GRU` of one layer over right-padded rows.

    Where the kernel of `recbench.ops.augru` runs it works over real steps alone; elsewhere torch's
    own GRU runs over all, or the operator's reference where that has no gradient.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Build the layer."""
        super().__init__(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """Return the state after each step, [B, T, H], zeros at padding.

        Args:
            x: Inputs, right-padded, [B, T, I]; what stands at padding has no effect.
            lengths: Number of real steps in each row, [B] of int64.
        """
        weights = (self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0)
        if runs_native("gru", (x, *weights)) or _cudnn_refuses(self, x):
            # An attention weight of 1 makes a plain GRU.
            return augru(x, x.new_ones(x.shape[:2]), lengths, *weights)[0]
        batch, steps, _ = x.shape
        if not steps:
            return x.new_zeros(batch, 0, self.hidden_size)
        padding = ~length_mask(lengths, steps)[..., None]
        inputs = x.masked_fill(padding, 0).to(self.weight_hh_l0.dtype)
        states: Tensor = super().forward(inputs)[0]
        return states.masked_fill(padding, 0)


def _cudnn_refuses(layer: nn.Module, x: Tensor) -> bool:
    """Return whether cuDNN, which torch's GRU is on a GPU, would have no gradient.

    In evaluation mode it has none; models that adapt to examples ask for it there, twice.
    """
    return x.is_cuda and torch.is_grad_enabled() and not layer.training
