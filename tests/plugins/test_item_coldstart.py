"""Models of item cold start: the properties of warming up, Meta-Embedding and MWUF."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from recbench_models.coldstart.backbone import Backbone
from recbench_models.coldstart.meta_embedding import MetaEmbedding
from recbench_models.coldstart.mwuf import MWUF
from recbench_models.coldstart.random_embedding import RandomEmbedding
from recbench_models.coldstart.warm_up import ItemVectors, WarmUp, errors_by_item, mean_by_item

from recbench.batch import Batch, EpisodeBatch
from recbench.errors import UsageError
from recbench.schema import FIRST_ID, UNSEEN, Field, Schema
from recbench.testing.rows import take, take_batch
from recbench.testing.subject import BRIEF, BRIEF_EXAMPLES, Subject
from recbench.testing.synthetic import random_batch
from recbench.testing.synthetic_episodes import SCHEMA
from recbench.testing.synthetic_episodes import planted_batch as planted

SMALL = {"use_user_id": True, "embedding_dim": 3, "mlp": (4,)}
LOGISTIC = {"backbone": "logistic-regression", "backbone_config": {}}


def build(kind, **options):
    torch.manual_seed(0)
    return kind(SCHEMA, kind.Config(**{"backbone_config": SMALL, **options})).double().eval()


def rows(count=16, seed=0):
    batch = random_batch([2] * count, seed, unseen=0)
    return Batch(batch.features, batch.labels.double())


def of_items(batch, *items):
    """Return the batch with its rows cycling through the items."""
    ids = torch.tensor(items).repeat(len(batch))[: len(batch)]
    fields = {**batch.features.fields, "item": ids, "category": FIRST_ID + ids % 8}
    return replace(batch, features=replace(batch.features, fields=fields))


def episodes(seed=0):
    """Return two episodes of one item each, with 4 rows of support and 4 queries."""
    support, query = (of_items(rows(8, seed + part), 5, 6) for part in (0, 1))
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    support, query = take_batch(support, order), take_batch(query, order)
    return EpisodeBatch(query.features, query.labels, support, (0, 4, 8), (0, 4, 8))


def gradients(error, parameters):
    return torch.autograd.grad(error, [*parameters], allow_unused=True, retain_graph=True)


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


def test_mwuf_without_users_names_the_option():
    with pytest.raises(UsageError, match="needs vectors of user fields.*mwuf.backbone_config"):
        fields = tuple(field for field in SCHEMA.fields if field.name != "age_group")
        MWUF(Schema(fields), MWUF.Config(backbone_config={}))


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


def test_d_with_alpha_of_one_meta_embedding_is_a_supervised_generator():
    model, batch = build(MetaEmbedding, alpha=1.0), episodes()
    support = batch.support
    logits = model.base.backbone(support.features, model.generate(support.features))
    torch.testing.assert_close(model.loss(batch), model.error(logits, support.labels))


def test_d_with_an_inner_rate_of_zero_queries_see_the_generated_vector():
    model, batch = build(MetaEmbedding, inner_rate=0.0), episodes()
    logits = model.base.backbone(batch.features, model.generate(batch.features))
    torch.testing.assert_close(model.errors(batch)[1], model.error(logits, batch.labels))


def test_d_an_inner_step_on_the_support_lowers_the_error_on_it():
    batch = episodes()
    support = batch.support
    same = EpisodeBatch(support.features, support.labels, support, (0, 4, 8), (0, 4, 8))
    before, after = build(MetaEmbedding, inner_rate=0.1).errors(same)
    assert after < before


def test_d_generated_numbers_are_within_their_bound():
    model = build(MetaEmbedding)
    torch.nn.init.normal_(model.generator.weight, std=1e3)
    largest = model.generate(rows(64).features).abs().max()
    torch.testing.assert_close(largest, torch.tensor(0.2).double())


def test_d_the_frozen_backbone_receives_no_gradient_and_the_generator_does():
    model = build(MetaEmbedding)
    model.loss(episodes()).backward()
    assert all(each.grad is None for each in model.base.parameters())
    assert model.generator.weight.grad.any()


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_the_meta_gradient_is_that_of_finite_differences(variant):
    model = build(MetaEmbedding, meta_variant=variant, inner_rate=2.0, backbone="din")
    weight, batch = model.generator.weight, episodes()
    (gradient,) = torch.autograd.grad(model.loss(batch), weight)
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)).double()
    ends = []
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            weight += step * direction
        ends.append(model.loss(batch).item())
        with torch.no_grad():
            weight -= step * direction
    found = (ends[0] - ends[1]) / 2e-5
    assert found == pytest.approx((gradient * direction).sum().item(), rel=1e-5)


def test_the_reference_divides_the_inner_step_by_the_rows_of_the_batch():
    batch = episodes()
    reference = build(MetaEmbedding, meta_variant="reference", inner_rate=8.0)
    torch.testing.assert_close(
        reference.loss(batch), build(MetaEmbedding, inner_rate=1.0).loss(batch)
    )


def test_an_item_in_two_episodes_is_learnt_in_each_apart():
    model = build(MetaEmbedding, inner_rate=1.0)
    one = of_items(rows(8), 5)
    batch = EpisodeBatch(one.features, one.labels, one, (0, 4, 8), (0, 4, 8))
    halves = [take_batch(one, range(start, start + 4)) for start in (0, 4)]
    apart = [
        model.errors(EpisodeBatch(each.features, each.labels, each, (0, 4), (0, 4)))
        for each in halves
    ]
    for found, *expected in zip(model.errors(batch), *apart, strict=True):
        torch.testing.assert_close(found, torch.stack(expected).mean())


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
