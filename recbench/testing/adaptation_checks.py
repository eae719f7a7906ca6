"""Checks of how a model for cold start adapts to examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from recbench.batch import Episodes
from recbench.model import MetaModel
from recbench.seeding import seed_everything
from recbench.testing.require import NotApplicable, require, require_equal
from recbench.testing.subject import Subject


def check_adaptation(subject: Subject) -> None:
    """Adaptation leaves the model as it is, repeats, and takes an empty support."""
    model = _adapting(subject)
    support, query = next(iter(subject.data.random().inputs))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        plain = model(query)
        adapted = model.adapt(support)(query)
        seed_everything(1)
        again = model.adapt(support)(query)
        none = model.adapt(support.slice(0, 0))(query)
        after = model(query)
    for name, value in model.state_dict().items():
        require(torch.equal(value, before[name]), f"adapt changes the state's {name}")
    fresh: Any = subject.build().eval()  # a trained one may have adapted before
    wanted = {name: each.requires_grad for name, each in fresh.named_parameters()}
    with torch.no_grad():
        fresh.adapt(support)(query)
    for name, each in fresh.named_parameters():
        require(each.requires_grad == wanted[name], f"adapt leaves another requires_grad at {name}")
    require_equal(after, plain, "adapt changes what forward returns", exact=True)
    cause = "adapting twice to one support gives two models; something is random, or kept"
    require_equal(again, adapted, cause, exact=True)
    require(adapted.shape == plain.shape, "an adapted model returns another shape than forward")
    require(bool(none.isfinite().all()), "adapted to no examples, it returns nan or infinity")


def check_episodes(subject: Subject) -> None:
    """Each episode is answered by itself, from its support alone."""
    model, batch = _adapting(subject), subject.data.random()
    expected = _one_by_one(model, batch.inputs)
    with torch.no_grad():
        found = model.predict(batch.inputs)
    cause = "predict gives other outputs than adapt does for one episode after the other"
    require_equal(found, expected, cause)
    opposite = replace(batch, labels=subject.data.opposite(batch.labels))
    outputs = []
    for each in (batch, opposite):
        seen = _adapting(subject).train()
        seen.loss(each)
        outputs.append(_one_by_one(seen.eval(), each.inputs))
    cause = "labels of queries that loss saw change the answers after adaptation"
    require_equal(outputs[1], outputs[0], cause, exact=True)


def _adapting(subject: Subject) -> Any:
    """Return the trained model, in evaluation mode."""
    if not issubclass(subject.model, MetaModel):
        raise NotApplicable("it does not adapt")
    return subject.trained().eval()


@torch.no_grad()
def _one_by_one(model: Any, episodes: Episodes) -> torch.Tensor:
    return torch.cat([model.adapt(support)(query) for support, query in episodes])
