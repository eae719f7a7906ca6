"""What torch must know of the native DIN attention: fake results, gradients, autocast.

The kernels are in `csrc/din_attention`; what they compute is defined in `din_attention.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbench.ops import native

ACTIVATION_CODES = {"sigmoid": 0, "relu": 1, "prelu": 2, "dice": 3}

QUERY, KEYS = 0, 1
WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10)
"""Where the operator's arguments that have gradients stand, of which the gates are none."""


def run(
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
    slope1: Tensor | None,
    slope2: Tensor | None,
    gate1: Tensor | None,
    gate2: Tensor | None,
    scale: float,
) -> Tensor:
    """Call the kernel with arguments that have been checked."""
    options = [
        query.new_empty(0) if option is None else option
        for option in (slope1, slope2, gate1, gate2)
    ]
    output: Tensor = torch.ops.recbench.din_attention(
        query, keys, lengths, w1, b1, w2, b2, w3, b3, *options,
        ACTIVATION_CODES[activation], normalize == "softmax", scale,
    )  # fmt: skip
    device = query.device.type
    if torch.is_autocast_enabled(device) and output.dtype != torch.float64:
        # The kernel keeps float32 within, which costs nothing; its result is what autocast wants.
        output = output.to(torch.get_autocast_dtype(device))
    return output


def _fake(query: Tensor, *arguments: Any) -> Tensor:
    return torch.empty_like(query, memory_format=torch.contiguous_format)


def _fake_backward(
    gradient: Tensor, query: Tensor, keys: Tensor, lengths: Tensor, *arguments: Any
) -> tuple[Tensor, ...]:
    *weights, _, _, _, query_wanted, keys_wanted, weights_wanted = arguments
    wanted = [query_wanted, keys_wanted, *[weights_wanted] * len(weights)]
    return tuple(
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        if yes
        else tensor.new_empty(0)
        for tensor, yes in zip((query, keys, *weights), wanted, strict=True)
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    query, keys, lengths, *rest = inputs
    weights, options = rest[: len(WEIGHTS)], rest[len(WEIGHTS) + 2 :]
    ctx.save_for_backward(query, keys, lengths, *weights)
    ctx.options = options


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    wanted = ctx.needs_input_grad
    got = torch.ops.recbench.din_attention_backward(
        gradient, *ctx.saved_tensors, *ctx.options,
        wanted[QUERY], wanted[KEYS], any(wanted[n] for n in WEIGHTS),
    )  # fmt: skip
    gradients: list[Tensor | None] = [None] * len(wanted)
    for n, tensor in zip((QUERY, KEYS, *WEIGHTS), got, strict=True):
        gradients[n] = tensor if wanted[n] else None
    return tuple(gradients)


if native.LOADED:
    torch.library.register_fake("recbench::din_attention", _fake)
    torch.library.register_fake("recbench::din_attention_backward", _fake_backward)
    torch.library.register_autograd(
        "recbench::din_attention", _backward, setup_context=_setup_context
    )
    for device in ("cpu", "cuda"):
        torch.library.register_autocast("recbench::din_attention", device, torch.float32)
    native.refuse_second_order("din_attention_backward")
