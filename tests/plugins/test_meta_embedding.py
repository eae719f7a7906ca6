"""Meta-Embedding: the properties of its generator and of its two losses."""

from __future__ import annotations

import pytest
import torch
from coldstart import build, episodes, of_items, rows
from recbench_models.coldstart.meta_embedding import MetaEmbedding

from recbench.batch import EpisodeBatch
from recbench.testing.rows import take_batch


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
