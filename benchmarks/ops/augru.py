"""AUGRU: what it demands, and torch's own GRU of the same shape.

A loop that slices its input in every step is no contender: its backward pass grows as the square
of the number of steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.ops.contender import Arguments, Peer, Subject, UnavailableError, Work


def gru(
    x: Tensor,
    attention: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    h0: Tensor | None = None,
    reset_after: bool = True,
    **others: Any,
) -> tuple[Tensor, Tensor]:
    """Run `torch.nn.GRU`'s function, packed where lengths differ; it knows no attention."""
    if not reset_after:
        raise UnavailableError("torch.nn.GRU resets after the state's weight")
    batch, steps, _ = x.shape
    state = x.new_zeros(1, batch, w_hh.shape[1]) if h0 is None else h0[None]
    weights = (w_ih, w_hh, b_ih, b_hh)
    if bool((lengths == steps).all()):
        outputs, last = torch.gru(x, state, weights, True, 1, 0.0, True, False, True)
        return outputs, last[0]
    # It takes no empty row: one step of each is run.
    packed = pack_padded_sequence(x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False)
    data, sizes, order, restore = packed
    assert order is not None
    assert restore is not None
    state = state.index_select(1, order)
    data, last = torch.gru(data, sizes, state, weights, True, 1, 0.0, True, False)
    packed = packed._replace(data=data)
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=steps)
    return outputs, last.index_select(1, restore)[0]


def like_gru(arguments: Arguments) -> Arguments:
    """Return the arguments with which AUGRU is a GRU over at least one step."""
    return arguments | {
        "attention": torch.ones_like(arguments["attention"]),
        "lengths": arguments["lengths"].clamp(min=1),
        "att_mode": "paper",
    }


def ready_gru(arguments: Arguments) -> Arguments:
    """Return the arguments as cuDNN wants them: weights in one piece, lengths on the host.

    Elsewhere it would copy the weights, and wait for the GPU to know the lengths, in each call.
    """
    weight = arguments["w_ih"]
    module = torch.nn.GRU(weight.shape[1], len(weight) // 3, batch_first=True)
    module = module.to(weight.device, weight.dtype)
    names = {"w_ih": "weight_ih_l0", "w_hh": "weight_hh_l0", "b_ih": "bias_ih_l0"}
    names["b_hh"] = "bias_hh_l0"
    module.load_state_dict({its: arguments[ours] for ours, its in names.items()})
    laid = {ours: module.get_parameter(its).detach() for ours, its in names.items()}
    return arguments | laid | {"lengths": arguments["lengths"].cpu()}


def work(arguments: Arguments, gradient: bool) -> Work:
    """Count the products with the weights of real steps, whose gradient is two products each."""
    batch, padded, width = arguments["x"].shape
    hidden = arguments["w_hh"].shape[1]
    steps = int(arguments["lengths"].sum())
    flops = 2 * steps * 3 * hidden * (width + hidden)
    weights = 3 * hidden * (width + hidden + 2)
    floats = steps * (width + 1) + batch * (padded + 2) * hidden + weights
    if gradient:
        flops *= 3
        # Inputs, states and the states' gradients are read, the inputs' gradients written.
        floats += steps * (width + 1 + 2 * hidden) + batch * padded * (width + 1) + 2 * weights
    return Work(flops, 4 * floats)


SUBJECT = Subject(work, {"torch.nn.GRU": Peer(gru, like_gru, ready_gru)}, loops=True)
