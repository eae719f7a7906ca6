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

from recbench.ops.checks import check_choice, check_floating, check_int64, check_shape
from recbench.ops.ragged import length_mask, masked_softmax

Activation = Literal["sigmoid", "relu", "prelu"]
Normalize = Literal["none", "softmax"]

ACTIVATIONS = ("sigmoid", "relu", "prelu")
NORMALIZE = ("none", "softmax")


def first_layer(query: Tensor, keys: Tensor, w1: Tensor, b1: Tensor) -> Tensor:
    """Return the first layer's values before its activation, [B, T, H1]."""
    wq, wk, wd, wp = w1.chunk(4, dim=1)
    bias = torch.addmm(b1, query, (wq + wd).T)
    matrix = torch.addcmul(wk - wd, wp, query[:, None])
    return torch.baddbmm(bias[:, None], keys, matrix.transpose(1, 2))


def weighted_sum(
    scores: Tensor, keys: Tensor, mask: Tensor, normalize: Normalize, scale: float
) -> Tensor:
    """Return sum_t a_t k_t over real steps, [B, D], for `scores` [B, T]."""
    if normalize == "softmax":
        weights = masked_softmax(scores * scale, mask)
    else:
        weights = (scores * scale).masked_fill(~mask, 0)
    return torch.bmm(weights[:, None], keys)[:, 0]


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
    slope1: Tensor | None,
    slope2: Tensor | None,
    scale: float,
) -> Tensor:
    """Define `din_attention`."""
    mask = length_mask(lengths, keys.shape[1])
    keys = keys.masked_fill(~mask[..., None], 0)
    hidden = _activate(first_layer(query, keys, w1, b1).flatten(0, 1), activation, slope1)
    hidden = _activate(F.linear(hidden, w2, b2), activation, slope2)
    scores = F.linear(hidden, w3[None], b3).view(mask.shape)
    return weighted_sum(scores, keys, mask, normalize, scale)


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
    scale: float = 1.0,
) -> Tensor:
    """Return each history's events summed with weights given by the target.

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
        activation: After the first and the second layer.
        normalize: "none" keeps the scores as weights, so that their sum can tell how strong an
            interest is (section 4.3); "softmax" makes them sum to 1, as the released code does.
        slope1: PReLU's slope for each unit of the first layer, [H1]; for "prelu" only.
        slope2: The same for the second layer, [H2].
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
    _check_slope("slope1", slope1, activation, len(w1))
    _check_slope("slope2", slope2, activation, len(w2))
    floats = {"query": query, "keys": keys, "w1": w1, "b1": b1, "w2": w2, "b2": b2, "w3": w3}
    check_floating(floats | {"b3": b3, "slope1": slope1, "slope2": slope2})
    check_int64("lengths", lengths, query.device)
    return reference(
        query, keys, lengths, w1, b1, w2, b2, w3, b3, activation, normalize, slope1, slope2, scale
    )


def _check_slope(name: str, slope: Tensor | None, activation: Activation, units: int) -> None:
    if activation == "prelu" and slope is None:
        raise ValueError(f"{name}: expected shape [{units}] for activation 'prelu', got None")
    if activation != "prelu" and slope is not None:
        raise ValueError(f"{name}: expected None for activation '{activation}', got a tensor")
    if slope is not None:
        check_shape(name, slope, (units,))


def _activate(values: Tensor, activation: Activation, slope: Tensor | None) -> Tensor:
    if slope is not None:
        return F.prelu(values, slope.to(values.dtype))
    return values.sigmoid() if activation == "sigmoid" else values.relu()
