"""The attention of DIN: a small MLP scores each event of a history against the target.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, section 4.3. The
first layer reads [q, k, q - k, q * k], but that concatenation is never built: with its weight split
into [Wq, Wk, Wd, Wp] by columns, the layer is one matrix and one bias per row of the batch,

    W1 [q, k, q - k, q * k] + b1 = (Wk - Wd + Wp diag(q)) k + ((Wq + Wd) q + b1).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops import cuda, din_attention_native, native
from recbench.ops.checks import check_choice, check_floating, check_int64, check_shape
from recbench.ops.din_attention_cases import benchmarks, cases
from recbench.ops.dispatch import Operator, runs_native
from recbench.ops.ragged import length_mask, masked_softmax

Activation = Literal["sigmoid", "relu", "prelu", "dice"]
Normalize = Literal["none", "softmax"]

ACTIVATIONS = ("sigmoid", "relu", "prelu", "dice")
NORMALIZE = ("none", "softmax")


def first_layer(query: Tensor, keys: Tensor, w1: Tensor, b1: Tensor) -> Tensor:
    """Return the first layer's values before its activation, [B, T, H1]."""
    wq, wk, wd, wp = w1.chunk(4, dim=1)
    bias = torch.addmm(b1, query, (wq + wd).T)
    matrix = torch.addcmul(wk - wd, wp, query[:, None])
    return torch.baddbmm(bias[:, None], keys, matrix.transpose(1, 2))


def event_weights(scores: Tensor, mask: Tensor, normalize: Normalize, scale: float) -> Tensor:
    """Return the weight a_t of each step for `scores` [B, T], [B, T]; 0 at padding."""
    if normalize == "softmax":
        return masked_softmax(scores * scale, mask)
    return (scores * scale).masked_fill(~mask, 0)


def weighted_sum(weights: Tensor, keys: Tensor) -> Tensor:
    """Return sum_t a_t k_t, [B, D], for `weights` [B, T] and `keys` [B, T, D]."""
    return torch.bmm(weights[:, None], keys)[:, 0]


def dice(values: Tensor, slope: Tensor, mean: Tensor, gain: Tensor) -> Tensor:
    """Return Dice of `values` [N, H]: p s + (1 - p) slope s, p = sigmoid((s - mean) gain)."""
    p = ((values - mean) * gain).sigmoid()
    return values * torch.lerp(slope, torch.ones_like(slope), p)


def reference(
    query: Tensor,
    keys: Tensor,
    lengths: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    activation: Activation,
    normalize: Normalize,
    slope1: Tensor | None = None,
    slope2: Tensor | None = None,
    gate1: Tensor | None = None,
    gate2: Tensor | None = None,
    scale: float = 1.0,
) -> Tensor:
    """Define `din_attention`."""
    mask = length_mask(lengths, keys.shape[1])
    keys = keys.masked_fill(~mask[..., None], 0)
    hidden = _activate(first_layer(query, keys, w1, b1).flatten(0, 1), activation, slope1, gate1)
    hidden = _activate(F.linear(hidden, w2, b2), activation, slope2, gate2)
    scores = F.linear(hidden, w3[None], b3).view(mask.shape)
    return weighted_sum(event_weights(scores, mask, normalize, scale), keys)


def din_attention(
    query: Tensor,
    keys: Tensor,
    lengths: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    activation: Activation,
    normalize: Normalize,
    slope1: Tensor | None = None,
    slope2: Tensor | None = None,
    gate1: Tensor | None = None,
    gate2: Tensor | None = None,
    scale: float = 1.0,
) -> Tensor:
    """Return each history's events summed with weights given by the target.

    The native kernel has no gradient for "dice": where one is needed, the reference runs.

    Args:
        query: The target, [B, D].
        keys: The events, right-padded, [B, T, D]; what stands at padding is never read.
        lengths: Number of real events in each row, at most T, [B] of int64.
        w1: Weight of the first layer, [H1, 4 * D], on [q, k, q - k, q * k].
        b1: Its bias, [H1].
        w2: Weight of the second layer, [H2, H1].
        b2: Its bias, [H2].
        w3: Weight of the score, [H2].
        b3: Its bias, [1].
        activation: After the first and the second layer. "dice" is Dice in evaluation, whose
            statistics stand; in training they are the batch's, which is no part of this operator.
        normalize: "none" keeps the scores as weights, so that their sum can tell how strong an
            interest is (section 4.3); "softmax" makes them sum to 1, as the released code does.
        slope1: Slope for each unit of the first layer, [H1]; for "prelu" and "dice" only.
        slope2: The same for the second layer, [H2].
        gate1: Dice's mean and 1 / deviation for each unit of the first layer, [2, H1].
        gate2: The same for the second layer, [2, H2].
        scale: Factor on the scores, before any softmax.

    Returns:
        [B, D]; zeros where the history is empty.

    Raises:
        ValueError: If an argument has the wrong shape, dtype or device, or is unknown.
    """
    batch, width = query.shape if query.ndim == 2 else ("B", "D")
    check_shape("query", query, (batch, width))
    check_shape("keys", keys, (batch, "T", width))
    check_shape("lengths", lengths, (batch,))
    check_shape("w1", w1, ("H1", 4 * query.shape[1]))
    check_shape("b1", b1, (len(w1),))
    check_shape("w2", w2, ("H2", len(w1)))
    check_shape("b2", b2, (len(w2),))
    check_shape("w3", w3, (len(w2),))
    check_shape("b3", b3, (1,))
    check_choice("activation", activation, ACTIVATIONS)
    check_choice("normalize", normalize, NORMALIZE)
    sloped, gated = activation in ("prelu", "dice"), activation == "dice"
    _check_option("slope1", slope1, (len(w1),), activation, sloped)
    _check_option("slope2", slope2, (len(w2),), activation, sloped)
    _check_option("gate1", gate1, (2, len(w1)), activation, gated)
    _check_option("gate2", gate2, (2, len(w2)), activation, gated)
    floats = {"query": query, "keys": keys, "w1": w1, "b1": b1, "w2": w2, "b2": b2, "w3": w3}
    floats |= {"b3": b3}
    options = {"slope1": slope1, "slope2": slope2, "gate1": gate1, "gate2": gate2}
    check_floating(floats | options)
    check_int64("lengths", lengths, query.device)
    tensors = [*floats.values(), *(option for option in options.values() if option is not None)]
    device, dtype, widths = query.device, query.dtype, (query.shape[1], len(w1), len(w2))
    refusal = native.transform_refusal(tensors)
    refusal = refusal or cuda.size_refusal("din_attention", device, dtype, len(query), widths)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        refusal = refusal or _gradient_refusal(device, dtype, widths, activation)
    run = din_attention_native.run if runs_native("din_attention", tensors, refusal) else reference
    return run(
        query, keys, lengths, w1, b1, w2, b2, w3, b3, activation, normalize,
        slope1, slope2, gate1, gate2, scale,
    )  # fmt: skip


def _gradient_refusal(
    device: torch.device, dtype: torch.dtype, widths: tuple[int, ...], activation: Activation
) -> str:
    if activation == "dice":
        return "no gradient for dice"
    name, code = "din_attention_backward", din_attention_native.ACTIVATION_CODES[activation]
    missing = cuda.refusal_of_gradient("din_attention", device)
    return missing or cuda.size_refusal(name, device, dtype, 1, (*widths, code))


def _check_option(
    name: str, option: Tensor | None, shape: tuple[int, ...], activation: str, wanted: bool
) -> None:
    if wanted and option is None:
        raise ValueError(
            f"{name}: expected shape {list(shape)} for activation '{activation}', got None"
        )
    if not wanted and option is not None:
        raise ValueError(f"{name}: expected None for activation '{activation}', got a tensor")
    if option is not None:
        check_shape(name, option, shape)


def _activate(
    values: Tensor, activation: Activation, slope: Tensor | None, gate: Tensor | None
) -> Tensor:
    if slope is not None and gate is not None:
        return dice(values.to(slope.dtype), slope, gate[0], gate[1])
    if slope is not None:
        return F.prelu(values, slope.to(values.dtype))
    return values.sigmoid() if activation == "sigmoid" else values.relu()


OP = Operator("din_attention", din_attention, reference, cases, benchmarks)
