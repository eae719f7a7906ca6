"""Models of item cold start: backbones, warming up, and the base that all of them share."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from coldstart import LOGISTIC, SMALL, build, of_items, rows
from recbench_models.coldstart.backbone import Backbone
from recbench_models.coldstart.meta_embedding import MetaEmbedding
from recbench_models.coldstart.mwuf import MWUF
from recbench_models.coldstart.random_embedding import RandomEmbedding
from recbench_models.coldstart.warm_up import ItemVectors, WarmUp, errors_by_item, mean_by_item

from recbench.errors import UsageError
from recbench.schema import UNSEEN, Field, Schema
from recbench.testing.rows import take_batch
from recbench.testing.subject import BRIEF, BRIEF_EXAMPLES, Subject
from recbench.testing.synthetic import random_batch
from recbench.testing.synthetic_episodes import SCHEMA
from recbench.testing.synthetic_episodes import planted_batch as planted


@pytest.mark.parametrize("name", ["din-base", "din", "sim", "dien", "logistic-regression"])
def test_given_the_vectors_it_has_a_backbone_is_the_model_itself(name):
    torch.manual_seed(0)
    backbone = Backbone(SCHEMA, name, {}).double().eval()
    features = random_batch(unseen=0.2).features
    own = backbone.table()[features.fields["item"]]
    torch.testing.assert_close(backbone(features, own), backbone.model(features))
    assert not torch.allclose(backbone(features, own + 1), backbone.model(features))


def test_widths_are_those_of_ids_of_other_item_fields_and_of_users():
    backbone = build(RandomEmbedding).backbone
    assert backbone.width == 3
    assert build(RandomEmbedding, **LOGISTIC).backbone.width == 1
    assert backbone.content_width == 3
    assert backbone.user_width == 6


NO_CONTENT = Schema((Field("item", "item", 9), Field("click", "label", 2)))
REAL = Schema((Field("item", "item", 9), Field("rating", "label", 0)))


@pytest.mark.parametrize(
    ("kind", "schema", "options", "expected"),
    [
        (
            RandomEmbedding,
            SCHEMA,
            {"backbone": "popularity"},
            "popularity has no table of .* 'item'",
        ),
        (RandomEmbedding, SCHEMA, {"backbone": "stamp"}, "is a model for next-item"),
        (RandomEmbedding, SCHEMA, {"backbone": "dinn"}, "dinn"),
        (RandomEmbedding, SCHEMA, {"backbone_config": {"dim": 3}}, "field of din-base: .*dim"),
        (RandomEmbedding, REAL, {}, "the label here is a number; .*--protocol phases"),
        (MetaEmbedding, NO_CONTENT, {}, "embeds none here"),
        (MWUF, NO_CONTENT, {}, "needs vectors of item fields"),
    ],
)
def test_what_cannot_be_warmed_up_is_refused(kind, schema, options, expected):
    options = {"backbone_config": {}, **options}
    with pytest.raises(UsageError, match=expected):
        kind(schema, kind.Config(**options))


def test_warm_up_takes_k_rows_of_each_item_a_step_in_their_order():
    backbone = build(RandomEmbedding, **LOGISTIC).backbone.requires_grad_(False)
    # Logits are the ID vector alone: all other weights are 0 at first.
    support = of_items(rows(8), 5, 6)
    support = replace(support, labels=torch.tensor([1.0, 0, 1, 0, 0, 0, 0, 0]).double())
    start = ItemVectors(torch.tensor([5, 6]), torch.zeros(2, 1).double())
    warmed = WarmUp(2, 1.0, 1, adam=False)(backbone, support, start).vectors.squeeze(1)
    first = torch.tensor([0.5, -0.5]).double()  # of labels 1, 1 and of 0, 0, from a share of 1/2
    torch.testing.assert_close(warmed, first - first.sigmoid())
    once = WarmUp(4, 1.0, 1, adam=False)(backbone, support, start).vectors.squeeze(1)
    torch.testing.assert_close(once, torch.tensor([0.0, -0.5]).double())


@pytest.mark.parametrize("adam", [True, False])
def test_items_are_warmed_up_each_on_its_own(adam):
    backbone = build(RandomEmbedding).backbone
    support = of_items(rows(12), 5, 6, 6)
    items = support.features.fields["item"]
    warm_up = WarmUp(2, 0.1, 2, adam)

    def warmed(batch):
        item = batch.features.fields["item"]
        return warm_up(backbone, batch, mean_by_item(item, backbone.table()[item]))

    together = warmed(support)
    for place, item in enumerate((5, 6)):
        alone = warmed(take_batch(support, (items == item).nonzero().squeeze(1).tolist()))
        torch.testing.assert_close(alone.vectors[0], together.vectors[place])


def test_steps_of_adam_are_those_of_torch():
    backbone = build(RandomEmbedding).backbone.requires_grad_(False)
    support = of_items(rows(8), 5)
    start = ItemVectors(torch.tensor([5]), backbone.table()[[5]])
    leaf = start.vectors.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], 0.1)
    place = torch.zeros(8, dtype=torch.int64)
    for part in (slice(0, 4), slice(4, 8)):
        optimizer.zero_grad()
        logits = backbone(support.features, leaf[place])[part]
        errors_by_item(logits, support.labels[part], place[part], 1).sum().backward()
        optimizer.step()
    warmed = WarmUp(4, 0.1, 1, adam=True)(backbone, support, start)
    torch.testing.assert_close(warmed.vectors, leaf.detach())


def test_warming_up_lowers_the_error_on_its_rows_and_moves_new_items_only():
    for kind in (RandomEmbedding, MetaEmbedding, MWUF):
        model = build(kind, warm_up_rows=8, warm_up_rate=0.1)
        base = getattr(model, "base", model)
        base.trained[6] = True
        support = of_items(rows(16), 5, 6)
        new = support.features.fields["item"] == 5
        before, after = model(support.features), model.adapt(support)(support.features)
        assert model.error(after[new], support.labels[new]) < model.error(
            before[new], support.labels[new]
        )
        assert torch.equal(after[~new], before[~new])


def test_targets_without_an_id_of_their_own_are_not_warmed_up():
    model = build(RandomEmbedding, warm_up_rate=10.0)
    support = of_items(rows(8), UNSEEN)
    assert torch.equal(model.adapt(support)(support.features), model(support.features))


def test_new_items_start_as_drawn_or_at_the_mean_of_trained_ones():
    features = of_items(rows(4), 5, 6).features
    for start in ("random", "mean"):
        model = build(RandomEmbedding, start=start)
        model.trained[[6, 7, 8]] = True
        table, drawn = model.backbone.table(), model.drawn
        expected = drawn[5] if start == "random" else table[[6, 7, 8]].mean(0)
        torch.testing.assert_close(model.own(features)[0], expected)
        assert torch.equal(model.own(features)[1], table[6])


def test_a_backbone_takes_from_the_rows_what_its_loss_needs():
    options = {"backbone": "din", "backbone_config": {**SMALL, "mba_l2": 0.01}}
    subject = Subject(RandomEmbedding, RandomEmbedding.Config(**options))
    model = subject.trained()
    rows = subject.data.source(
        subject.data.planted(BRIEF_EXAMPLES, model.reads, 1), BRIEF.batch_size
    ).rows
    met = torch.cat([batch.features.fields["user"] for batch in rows])
    penalty = model.backbone.model.penalty
    place = [field.name for field in penalty.fields].index("user")
    counts = torch.bincount(met, minlength=len(penalty.get_buffer(f"counts_{place}")))
    assert torch.equal(penalty.get_buffer(f"counts_{place}"), counts)
    assert counts.max() > 1


def test_a_backbone_that_trains_in_a_way_of_its_own_is_refused(install):
    source = """
        from recbench_models.sequence.din_base import DINBase

        class Own(DINBase):
            def fit(self, train, validate, run):
                raise NotImplementedError
    """
    install("own", {"own": source}, models={"own": "own:Own"})
    with pytest.raises(UsageError, match="backbone own has a way of its own to be trained"):
        build(RandomEmbedding, backbone="own", backbone_config={})


def test_fit_notes_old_items_and_as_many_rows_as_an_episode_supports():
    model = Subject(RandomEmbedding).trained()
    batch = planted(128, model.reads, 1)
    assert set(batch.features.fields["item"].tolist()) | {0, 1} == set(
        model.trained.nonzero().squeeze(1).tolist()
    )
    assert int(model.step_rows) == 4


@pytest.mark.parametrize("kind", [MetaEmbedding, MWUF])
def test_however_ids_are_warmed_up_the_base_is_selected_as_random_embedding_is(kind):
    model = build(kind, warm_up_rate=7.0, warm_up_rows=3, **LOGISTIC)
    options = {**LOGISTIC, "warm_up_rows": 3}
    assert model.base.config == RandomEmbedding.Config(**options)


DRAWING = {"backbone": "din", "backbone_config": {**SMALL, "dropout": 0.3}}
"""A backbone that draws at random while it is trained."""


@pytest.mark.parametrize("options", [{}, DRAWING], ids=["default", "dropout"])
@pytest.mark.parametrize("kind", [MetaEmbedding, MWUF])
def test_the_second_stage_changes_nothing_in_the_base_it_shares_with_random_embedding(
    kind, options
):
    alone, model = (
        Subject(each, each.Config(**options)).trained() for each in (RandomEmbedding, kind)
    )
    for name, value in alone.state_dict().items():
        assert torch.equal(model.base.state_dict()[name], value), name
    assert not any(each.requires_grad for each in model.base.parameters())
    model.train().loss(planted(16, model.reads)).backward()
    assert all(each.grad is None for each in model.base.parameters())
    assert not any(module.training for module in model.base.modules())
