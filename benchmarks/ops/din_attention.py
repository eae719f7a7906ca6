"""DIN's attention: what it demands, and the formulation of the paper's figure."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.ops.contender import Arguments, Peer, Subject, UnavailableError, Work
from recbench.ops.ragged import length_mask, masked_softmax


def concatenated(
    query: Tensor,
    keys: Tensor,
    lengths: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    activation: str,
    normalize: str,
    scale: float = 1.0,
    slope1: Tensor | None = None,
    slope2: Tensor | None = None,
    **others: Any,
) -> Tensor:
    """Run the MLP on [q, k, q - k, q * k], written out for every event."""
    if activation not in ("sigmoid", "relu", "prelu"):
        raise UnavailableError(f"not written for '{activation}'")
    queries = query[:, None].expand_as(keys)
    pairs = torch.cat([queries, keys, queries - keys, queries * keys], -1).flatten(0, 1)
    hidden = _activate(F.linear(pairs, w1, b1), activation, slope1)
    hidden = _activate(F.linear(hidden, w2, b2), activation, slope2)
    scores = F.linear(hidden, w3[None], b3).view(keys.shape[:2]) * scale
    mask = length_mask(lengths, keys.shape[1])
    if normalize == "softmax":
        weights = masked_softmax(scores, mask)
    else:
        weights = scores.masked_fill(~mask, 0)
    return torch.bmm(weights[:, None], keys)[:, 0]


def _activate(values: Tensor, activation: str, slope: Tensor | None) -> Tensor:
    if slope is not None:
        return F.prelu(values, slope)
    return values.sigmoid() if activation == "sigmoid" else values.relu()


def work(arguments: Arguments, gradient: bool) -> Work:
    """Count the folded form's work; what a backward pass computes again is not counted."""
    batch, steps, width = arguments["keys"].shape
    events = int(arguments["lengths"].sum())
    first, second = len(arguments["w1"]), len(arguments["w2"])
    fold = 2 * 2 * first * width
    score = 2 * (first * width + first * second + second + width)
    flops = batch * fold + events * score
    weights = first * 4 * width + first + second * first + second + second + 1
    floats = events * width + 2 * batch * width + weights
    if gradient:
        # Each product of the forward pass has two gradients.
        flops += batch * 2 * fold + events * 2 * score
        # Keys are read again, their gradient is written at padding too.
        floats += events * width + batch * steps * width + 3 * batch * width + 2 * weights
    return Work(flops, 4 * floats)


SUBJECT = Subject(work, {"concatenated": Peer(concatenated)})
