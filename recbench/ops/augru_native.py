"""The native kernel of `recbench.ops.augru` as torch sees it: fake tensors, gradient, autocast."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbench.ops import native


def run(
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    h0: Tensor | None,
    att_mode: int,
    reset_after: bool,
) -> tuple[Tensor, Tensor]:
    """Run the kernel; what a backward pass needs is saved only where one can come."""
    first = x.new_empty(0) if h0 is None else h0
    tensors = (x, attention, w_ih, w_hh, b_ih, b_hh, first)
    save = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    outputs, last, _ = torch.ops.recbench.augru(
        x, attention, lengths, w_ih, w_hh, b_ih, b_hh, first, att_mode, reset_after, save
    )
    return outputs, last


def _saved_shape(x: Tensor, w_hh: Tensor, reset_after: bool, save: bool) -> tuple[int, int]:
    steps = x.shape[0] * x.shape[1] if save else 0
    return steps, (4 if reset_after else 3) * ((w_hh.shape[1] + 15) // 16 * 16)


def _fake(
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    h0: Tensor,
    att_mode: int,
    reset_after: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, steps, _ = x.shape
    hidden = w_hh.shape[1]
    saved = x.new_empty(_saved_shape(x, w_hh, reset_after, save))
    return x.new_empty(batch, steps, hidden), x.new_empty(batch, hidden), saved


def _fake_backward(
    grad_outputs: Tensor,
    grad_last: Tensor,
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    h0: Tensor,
    outputs: Tensor,
    saved: Tensor,
    att_mode: int,
    reset_after: bool,
    of_x: bool,
    of_weights: bool,
) -> tuple[Tensor, ...]:
    gates, hidden = w_hh.shape
    weights = (w_ih.shape, w_hh.shape, (gates,), (gates,))
    return (
        x.new_empty(x.shape if of_x else 0),
        x.new_empty(attention.shape),
        *(x.new_empty(shape if of_weights else 0) for shape in weights),
        x.new_empty(x.shape[0], hidden),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.att_mode, ctx.reset_after, _ = inputs
    ctx.save_for_backward(*tensors, output[0], output[2])
    ctx.set_materialize_grads(False)


def _backward(
    ctx: Any, grad_outputs: Tensor | None, grad_last: Tensor | None, _: Tensor | None
) -> tuple[Tensor | None, ...]:
    x, attention, lengths, w_ih, w_hh, b_ih, b_hh, h0, outputs, saved = ctx.saved_tensors
    form = (ctx.att_mode, ctx.reset_after)
    if saved.shape != _saved_shape(x, w_hh, ctx.reset_after, save=True):
        _, _, saved = torch.ops.recbench.augru(
            x, attention, lengths, w_ih, w_hh, b_ih, b_hh, h0, *form, True
        )
    nothing = x.new_empty(0)
    needs = ctx.needs_input_grad
    of_x, of_weights = needs[0], any(needs[3:7])
    grad_x, grad_attention, *grad_weights, grad_h0 = torch.ops.recbench.augru_backward(
        nothing if grad_outputs is None else grad_outputs,
        nothing if grad_last is None else grad_last,
        x, attention, lengths, w_ih, w_hh, h0, outputs, saved, *form, of_x, of_weights,
    )  # fmt: skip
    return (
        grad_x if of_x else None,
        grad_attention,
        None,
        *(gradient if of_weights else None for gradient in grad_weights),
        grad_h0 if needs[7] else None,
        None,
        None,
        None,
    )


if native.LOADED:
    torch.library.register_fake("recbench::augru", _fake)
    torch.library.register_fake("recbench::augru_backward", _fake_backward)
    torch.library.register_autograd("recbench::augru", _backward, setup_context=_setup_context)
    # A state sums over all steps: under autocast it keeps the weights' precision.
    for device in ("cpu", "cuda"):
        torch.library.register_autocast("recbench::augru", device, torch.float32)
    native.refuse_second_order("augru_backward")
