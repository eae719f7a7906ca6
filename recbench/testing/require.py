"""What checks demand: conditions that end a check with its cause if they do not hold."""

from __future__ import annotations

import torch
from torch import Tensor

from recbench.batch import Batch
from recbench.model import Model

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far apart two float32 results of the same sum in another order may be."""


class NotApplicable(Exception):  # noqa: N818 - an outcome, not an error
    """A check demands something that a model of this kind does not have."""


def require(condition: bool, cause: str) -> None:
    """Raise `AssertionError` with the cause unless the condition holds."""
    if not condition:
        raise AssertionError(cause)


def require_equal(found: Tensor, expected: Tensor, cause: str, *, exact: bool = False) -> None:
    """Require equal outputs [B, ...]: to the last bit if `exact`, else up to the order of sums."""
    require(
        found.shape == expected.shape,
        f"{cause}: shape {tuple(found.shape)} instead of {tuple(expected.shape)}",
    )
    relative, absolute = (0, 0) if exact else (RELATIVE, ABSOLUTE)
    # Logits that are not finite fail a check of their own.
    same = torch.isclose(found, expected, relative, absolute, equal_nan=True)
    if not same.all():
        place = tuple((~same).nonzero()[0].tolist())
        values = f"{float(found[place]):.6g} instead of {float(expected[place]):.6g}"
        where = f"row {place[0]}" + "".join(f", column {column}" for column in place[1:])
        raise AssertionError(f"{cause}: the output of {where} is {values}")


def require_runs(model: Model, batch: Batch) -> None:
    """Require finite outputs, in training and evaluation, and a finite loss and gradient."""
    model.train()
    _require_output(model, batch, "training")
    loss: object = model.loss(batch)
    if not isinstance(loss, Tensor):
        raise AssertionError(
            f"loss returned a {type(loss).__name__}; it must return a scalar tensor"
        )
    require(loss.shape == (), f"loss returned shape {tuple(loss.shape)}; it must return a scalar")
    require(bool(loss.isfinite()), f"the loss is {loss.item()}")
    if loss.requires_grad:  # not where nothing is learnt by gradients
        loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            require(bool(parameter.grad.isfinite().all()), f"the gradient of {name} is not finite")
    model.eval()
    with torch.inference_mode():
        _require_output(model, batch, "evaluation")


def _require_output(model: Model, batch: Batch, mode: str) -> None:
    output: object = model(batch.features)
    if not isinstance(output, Tensor):
        raise AssertionError(
            f"forward returned a {type(output).__name__} in {mode} mode; it must return a tensor: "
            f"{model.task.output}"
        )
    shape = model.task.shape(len(batch), model.schema)
    require(
        output.shape == shape,
        f"forward returned shape {tuple(output.shape)} in {mode} mode for {len(batch)} examples; "
        f"it must return {model.task.output}, here {list(shape)}",
    )
    require(output.is_floating_point(), f"forward returned {output.dtype}; outputs are floats")
    require(bool(output.isfinite().all()), f"forward returned outputs not finite in {mode} mode")
