"""Checks of how a model for cold start adapts to examples."""

from __future__ import annotations

from typing import Any

import torch

from recbench.model import MetaModel
from recbench.pipeline import seed_everything
from recbench.testing.require import NotApplicable, require, require_equal
from recbench.testing.subject import Subject


def check_adaptation(subject: Subject) -> None:
    """Adaptation leaves the model as it is, repeats, and takes an empty support."""
    if not issubclass(subject.model, MetaModel):
        raise NotApplicable("it does not adapt")
    model: Any = subject.trained().eval()
    support, query = next(iter(subject.data.random().inputs))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wanted = {name: each.requires_grad for name, each in model.named_parameters()}
    with torch.no_grad():
        plain = model(query)
        adapted = model.adapt(support)(query)
        seed_everything(1)
        again = model.adapt(support)(query)
        none = model.adapt(support.slice(0, 0))(query)
        after = model(query)
    for name, value in model.state_dict().items():
        require(torch.equal(value, before[name]), f"adapt changes the state's {name}")
    for name, each in model.named_parameters():
        require(each.requires_grad == wanted[name], f"adapt leaves another requires_grad at {name}")
    require_equal(after, plain, "adapt changes what forward returns", exact=True)
    cause = "adapting twice to one support gives two models; something is random, or kept"
    require_equal(again, adapted, cause, exact=True)
    require(adapted.shape == plain.shape, "an adapted model returns another shape than forward")
    require(bool(none.isfinite().all()), "adapted to no examples, it returns nan or infinity")
