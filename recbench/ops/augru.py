"""The recurrent units of DIEN: a GRU whose update gate is turned by an attention weight.

Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019,
section "Interest Evolving Layer". The paper's update gate u multiplies the candidate; the gate z
of `torch.nn.GRU` multiplies the old state, so u = 1 - z. With candidate n and weight a, every form
is h' = h + u' (n - h):

    paper       u' = a u             (AUGRU: a = 0 keeps the state, a = 1 is a GRU step)
    agru        u' = a               (AGRU)
    reference   u' = 1 - (1 - a) z   (released code: a = 0 is a GRU step, a = 1 takes the candidate)

A plain GRU is "paper" with a = 1; AIGRU is a plain GRU over inputs multiplied by a.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops import augru_native, cuda, native
from recbench.ops.augru_cases import benchmarks, cases
from recbench.ops.checks import check_choice, check_floating, check_int64, check_shape
from recbench.ops.dispatch import Operator, runs_native
from recbench.ops.ragged import length_mask

AttentionMode = Literal["paper", "reference", "agru"]

ATTENTION_MODES = ("paper", "reference", "agru")

GPU_MOST_HIDDEN = 256
"""The most units of the kernel for GPUs."""


def reference(
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    h0: Tensor | None,
    att_mode: AttentionMode,
    reset_after: bool,
) -> tuple[Tensor, Tensor]:
    """Define `augru`."""
    batch, steps, _ = x.shape
    dtype, hidden = w_hh.dtype, w_hh.shape[1]
    state = x.new_zeros(batch, hidden, dtype=dtype) if h0 is None else h0.to(dtype)
    if not steps:
        return state.new_zeros(batch, 0, hidden), state
    mask = length_mask(lengths, steps).T[..., None]
    # Time first, so that each step reads one block of memory.
    inputs = x.transpose(0, 1).masked_fill(~mask, 0)
    gates = F.linear(inputs, w_ih, b_ih).to(dtype)
    terms = _update_terms(attention.T[..., None].to(dtype), mask, att_mode)
    # A state sums over all steps: under autocast it keeps the weights' precision.
    with torch.autocast(x.device.type, enabled=False):
        outputs = _recur(state, gates, terms, w_hh, b_hh, reset_after)
    return torch.stack(outputs, 1).masked_fill(~mask.transpose(0, 1), 0), outputs[-1]


def augru(
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    h0: Tensor | None = None,
    att_mode: AttentionMode = "paper",
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    """Run a GRU with attention over right-padded sequences.

    Weights have the layout and the gate order (reset, update, candidate) of `torch.nn.GRU`.

    Args:
        x: Inputs, [B, T, I]; what stands at padding is never read.
        attention: Attention weight of each step, [B, T].
        lengths: Number of real steps in each row, at most T, [B] of int64.
        w_ih: Weight on the input, [3 * H, I].
        w_hh: Weight on the state, [3 * H, H].
        b_ih: Bias on the input's side, [3 * H].
        b_hh: Bias on the state's side, [3 * H].
        h0: The first state, [B, H]; zeros if None.
        att_mode: What the attention weight does; see the module's docstring.
        reset_after: Whether the reset gate acts after the state's weight (the paper and
            `torch.nn.GRU`) or before it (TensorFlow's `GRUCell`).

    Returns:
        The state after each step, [B, T, H], zeros at padding; and the state after each row's
        last real step, [B, H], which is `h0` where there is none.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device, or is unknown.
    """
    check_shape("x", x, ("B", "T", "I"))
    batch, steps, width = x.shape
    check_shape("attention", attention, (batch, steps))
    check_shape("lengths", lengths, (batch,))
    check_shape("w_hh", w_hh, ("3H", "H"))
    hidden = w_hh.shape[1]
    check_shape("w_hh", w_hh, (3 * hidden, hidden))
    check_shape("w_ih", w_ih, (3 * hidden, width))
    check_shape("b_ih", b_ih, (3 * hidden,))
    check_shape("b_hh", b_hh, (3 * hidden,))
    if h0 is not None:
        check_shape("h0", h0, (batch, hidden))
    check_choice("att_mode", att_mode, ATTENTION_MODES)
    floats = {"x": x, "attention": attention, "w_ih": w_ih, "w_hh": w_hh, "b_ih": b_ih}
    floats["b_hh"] = b_hh
    check_floating(floats | {"h0": h0})
    check_int64("lengths", lengths, x.device)
    tensors = [*floats.values()] if h0 is None else [*floats.values(), h0]
    refusal = native.transform_refusal(tensors) or _autocast_refusal(tensors, w_hh)
    refusal = refusal or _gpu_refusal(x, w_hh)
    if runs_native("augru", tensors, refusal):
        mode = ATTENTION_MODES.index(att_mode)
        return augru_native.run(
            x, attention, lengths, w_ih, w_hh, b_ih, b_hh, h0, mode, reset_after
        )
    return reference(x, attention, lengths, w_ih, w_hh, b_ih, b_hh, h0, att_mode, reset_after)


def _autocast_refusal(tensors: list[Tensor], w_hh: Tensor) -> str:
    """Say why the kernel, which under autocast computes in float32, cannot follow autocast."""
    if not torch.is_autocast_enabled(w_hh.device.type):
        return ""
    if w_hh.dtype != torch.float32 or any(t.dtype == torch.float64 for t in tensors):
        return "under autocast the kernel is for weights of float32"
    return ""


def _gpu_refusal(x: Tensor, w_hh: Tensor) -> str:
    """Say why the kernel for GPUs cannot take a call of this size; empty elsewhere."""
    hidden = w_hh.shape[1]
    if x.is_cuda and not 1 <= hidden <= GPU_MOST_HIDDEN:
        return f"{hidden} units, not 1 to {GPU_MOST_HIDDEN}"
    return cuda.size_refusal("augru", x.device, w_hh.dtype, len(x), (hidden,))


def _update_terms(
    attention: Tensor, mask: Tensor, att_mode: AttentionMode
) -> tuple[Tensor, Tensor]:
    """Return p and q with u' = p - q z; both are 0 at padding, where the state must not move."""
    a = attention.masked_fill(~mask, 0)
    if att_mode == "paper":
        return a, a
    if att_mode == "agru":
        return a, torch.zeros_like(a)
    real = mask.to(a.dtype)
    return real, real - a


def _recur(
    state: Tensor,
    gates: Tensor,
    terms: tuple[Tensor, Tensor],
    w_hh: Tensor,
    b_hh: Tensor,
    reset_after: bool,
) -> list[Tensor]:
    """Return the state after each step, T of [B, H], for `gates` [T, B, 3 * H]."""
    hidden = state.shape[1]
    w_rz, w_n = (weight.T for weight in w_hh.split_with_sizes([2 * hidden, hidden]))
    b_rz, b_n = b_hh.split_with_sizes([2 * hidden, hidden])
    gates_rz, gates_n = gates.split_with_sizes([2 * hidden, hidden], -1)
    gates_rz = gates_rz + b_rz
    outputs = []
    for gate_rz, gate_n, p, q in zip(
        gates_rz.unbind(), gates_n.unbind(), *(term.unbind() for term in terms), strict=True
    ):
        r, z = torch.addmm(gate_rz, state, w_rz).sigmoid().chunk(2, 1)
        if reset_after:
            n = torch.addcmul(gate_n, r, torch.addmm(b_n, state, w_n)).tanh()
        else:
            n = (gate_n + torch.addmm(b_n, r * state, w_n)).tanh()
        state = torch.lerp(state, n, torch.addcmul(p, q, z, value=-1))
        outputs.append(state)
    return outputs


OP = Operator("augru", augru, reference, cases, benchmarks)
"""The operator, with what it is tried on."""
