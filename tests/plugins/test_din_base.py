from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from recbench_models.sequence.din_base import DINBase, DINBaseConfig

from recbench.batch import CTRBatch, Features


def build(schema, **options) -> DINBase:
    torch.manual_seed(0)
    return DINBase(schema, DINBaseConfig(**options)).double().eval()


def repeated(batch: CTRBatch) -> Features:
    """Return features whose histories repeat one event."""
    fields = {name: torch.full_like(v, 5) for name, v in batch.features.history.fields.items()}
    return replace(batch.features, history=replace(batch.features.history, fields=fields))


@pytest.mark.parametrize(("pooling", "factor"), [("mean", 1), ("sum", 3)])
def test_equal_events_pool_to_one_or_to_their_sum(schema, make_batch, pooling: str, factor: int):
    model, features = build(schema, pooling=pooling), repeated(make_batch([3]))
    event = model.embeddings.jagged(features.history)[:1]
    torch.testing.assert_close(model.interest(features), factor * event)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_an_empty_history_pools_to_zero(schema, make_batch, pooling: str):
    model = build(schema, pooling=pooling)
    assert not model.interest(make_batch([0, 0]).features).any()
    assert not model.interest(make_batch([2, 0]).features)[1].any()


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_the_order_of_events_does_not_matter(schema, make_batch, pooling: str):
    model, features = build(schema, pooling=pooling), make_batch([6]).features
    fields = {name: ids.flip(0) for name, ids in features.history.fields.items()}
    flipped = replace(features, history=replace(features.history, fields=fields))
    torch.testing.assert_close(model(flipped), model(features))


def test_interest_is_blind_to_the_target(schema, make_batch):
    model, features = build(schema), make_batch([4]).features
    other = replace(features, fields={name: ids * 0 + 3 for name, ids in features.fields.items()})
    assert torch.equal(model.interest(other), model.interest(features))
    assert not torch.allclose(model(other), model(features))


def test_reads_the_latest_events_only(schema, make_batch):
    model, features = build(schema, history_length=2), make_batch([5]).features
    assert model.reads.recent == 2
    fields = {name: ids.clone() for name, ids in features.history.fields.items()}
    fields["item"][:3] = 7
    older = replace(features, history=replace(features.history, fields=fields))
    assert torch.equal(model(older), model(features))
    fields["item"][3:] = 7
    assert not torch.allclose(model(older), model(features))
