"""MWUF: the properties of scaling and shifting, and what each of its errors teaches."""

from __future__ import annotations

import pytest
import torch
from coldstart import build, of_items, rows
from recbench_models.coldstart.mwuf import MWUF

from recbench.errors import UsageError
from recbench.schema import Schema
from recbench.testing.rows import take
from recbench.testing.subject import Subject
from recbench.testing.synthetic_episodes import SCHEMA
from recbench.testing.synthetic_episodes import planted_batch as planted


def test_mwuf_without_users_names_the_option():
    with pytest.raises(UsageError, match="needs vectors of user fields.*mwuf.backbone_config"):
        fields = tuple(field for field in SCHEMA.fields if field.name != "age_group")
        MWUF(Schema(fields), MWUF.Config(backbone_config={}))


def gradients(error, parameters):
    return torch.autograd.grad(error, [*parameters], allow_unused=True, retain_graph=True)


def test_e_mwuf_begins_with_scale_1_and_shift_0_so_that_warm_is_cold():
    model, batch = build(MWUF), rows()
    torch.nn.init.normal_(model.cold)
    torch.nn.init.normal_(model.old_users)
    features = batch.features
    torch.testing.assert_close(
        model.scale(model.base.backbone.content(features)), torch.ones(16, 3).double()
    )
    assert not model.shift(model.old_users).any()
    cold, warm = model.errors(batch)
    torch.testing.assert_close(cold, warm)


def test_e_items_without_users_are_not_shifted():
    model = build(MWUF)
    for each in model.shift.parameters():
        torch.nn.init.ones_(each)
    torch.nn.init.ones_(model.common)
    features = of_items(rows(8), 5).features
    none = model.adapt(rows(8))(take(features, range(4)))
    empty = model.adapt(rows(8).slice(0, 0))(take(features, range(4)))
    for found in (none, empty):
        torch.testing.assert_close(found, model(take(features, range(4))))
        assert found.isfinite().all()


def test_e_each_error_reaches_the_part_it_is_for():
    model, batch = build(MWUF), rows()
    torch.nn.init.normal_(model.cold)
    torch.nn.init.normal_(model.old_users)
    networks = [*model.scale.parameters(), *model.shift.parameters()]
    cold, warm = model.errors(batch)
    assert gradients(cold, [model.cold])[0].any()
    assert all(each is None for each in gradients(cold, networks))
    assert gradients(warm, [model.cold]) == (None,)
    assert all(gradients(warm, [net[-1].bias])[0].any() for net in (model.scale, model.shift))


def test_mwuf_begins_at_the_mean_of_trained_vectors_and_means_users_over_training_rows():
    model = Subject(MWUF).trained()
    base, batch = model.base, planted(128, model.reads, 1)
    torch.testing.assert_close(model.common, base.mean())
    item = batch.features.fields["item"]
    chosen = (item == item[0]).nonzero().squeeze(1).tolist()
    users = base.backbone.users(take(batch.features, chosen)).mean(0)
    torch.testing.assert_close(model.old_users[item[0]], users)
    assert not model.old_users[~base.trained].any()


def test_mwuf_shifts_new_items_by_the_users_of_the_support():
    model = build(MWUF, warm_up_rate=0.0)
    torch.nn.init.normal_(model.common)
    support = of_items(rows(4), 5)
    torch.nn.init.normal_(model.shift[-1].weight)
    features = support.features
    shift = model.shift(model.base.backbone.users(features).mean(0))
    expected = model.base.backbone(features, (model.common + shift).expand(4, -1))
    torch.testing.assert_close(model.adapt(support)(features), expected)
