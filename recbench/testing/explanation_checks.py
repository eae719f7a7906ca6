"""Checks of what a model says of its own weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from recbench.batch import Batch
from recbench.model import Model
from recbench.seeding import seed_everything
from recbench.testing.require import NotApplicable, require, require_equal
from recbench.testing.subject import Subject


def check_explanation(subject: Subject) -> None:
    """What `explain` returns has a finite row for each prediction, repeats, and changes nothing."""
    model, batch = subject.trained().eval(), subject.data.random()
    with torch.no_grad():
        expected = model.predict(batch.inputs)
        first = _explanation(model, batch)
        if not first:
            raise NotApplicable("it explains nothing")
        seed_everything(1)
        again = _explanation(model, batch)
        after = model.predict(batch.inputs)
        _explanation(model, subject.data.random([0] * len(batch)))
    cause = "two explanations of one batch differ; something is random, or kept from the first"
    require(first.keys() == again.keys(), cause)
    for name, weights in first.items():
        require_equal(again[name], weights, f"{cause}: {name}", exact=True)
    require_equal(after, expected, "explain changes what predict returns", exact=True)
    if not isinstance(batch.inputs, type(batch.features)):
        return  # histories of episodes are the model's own affair
    for name in ("attention", "found_attention"):
        if name in first:
            _require_padding(name, first, batch)


def _explanation(model: Model, batch: Batch) -> Mapping[str, Tensor]:
    """Return a model's explanation, each tensor with a finite row for each prediction."""
    found = model.explain(batch.inputs)
    require(isinstance(found, Mapping), f"explain returned {type(found).__name__}, not a mapping")
    for name, weights in found.items():
        require(isinstance(weights, Tensor), f"explain returned {name} as {type(weights).__name__}")
        shape = list(weights.shape)
        require(
            bool(shape) and shape[0] == len(batch),
            f"explain returned {name} of shape {shape} for {len(batch)} predictions; "
            "it must have a row for each",
        )
        require(bool(weights.isfinite().all()), f"explain returned {name} with values not finite")
    pair = ("found" in found, "found_attention" in found)
    require(
        pair[0] == pair[1], "explain returned one of found and found_attention, and both belong"
    )
    return found


def _require_padding(name: str, found: Mapping[str, Tensor], batch: Batch) -> None:
    weights, lengths = found[name], batch.features.history.lengths
    width = weights.shape[-1]
    if name == "attention":
        real = torch.arange(width) < lengths[:, None]
    else:
        places = found["found"]
        real = places >= 0
        within = (places < lengths[:, None]) & (places >= -1)
        require(
            places.dtype == torch.int64 and bool(within.all()),
            "explain returned found with positions that are not in the history",
        )
    extra = weights.masked_fill(real if weights.ndim == 2 else real[:, None], 0)
    require(not extra.any(), f"explain returned {name} with weights where there is no event")
