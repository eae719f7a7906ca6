from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from recbench_models.sequence.dien import DIEN, DIENConfig


def build(schema, **options) -> DIEN:
    torch.manual_seed(0)
    return DIEN(schema, DIENConfig(**options)).double().eval()


def parts(model: DIEN, features):
    history = features.history.recent(features.history.longest)
    events = model.embeddings.history(history)
    states = model.interests(events, history.lengths)
    return history, events, states, model.embeddings.target(features)


@pytest.mark.parametrize("attention", ["bilinear", "mlp"])
def test_attention_sums_to_one_over_real_steps(schema, make_batch, attention: str):
    model, features = build(schema, attention=attention), make_batch([4, 1, 0], padding=2).features
    history, _, states, target = parts(model, features)
    weights = model.attention(target, states, history.mask)
    expected = torch.tensor([1.0, 1.0, 0.0]).double()
    torch.testing.assert_close(weights.sum(1), expected)
    assert not weights[~history.mask].any()


def test_bilinear_attention_is_the_papers(schema, make_batch):
    model, features = build(schema), make_batch([4]).features
    history, _, states, target = parts(model, features)
    scores = states[0] @ model.attention.score.weight @ target[0]
    weights = model.attention(target, states, history.mask)
    torch.testing.assert_close(weights[0], scores.softmax(0))


def test_one_event_makes_augru_one_gru_step(schema, make_batch):
    model, features = build(schema), make_batch([1]).features
    history, _, states, target = parts(model, features)
    gru = torch.nn.GRU(32, 32, batch_first=True).double()
    gru.load_state_dict(model.evolution.state_dict())
    torch.testing.assert_close(model.evolve(target, states, history), gru(states)[1][0])


def test_aigru_is_a_gru_over_weighted_states(schema, make_batch):
    model, features = build(schema, evolution="aigru"), make_batch([4]).features
    history, _, states, target = parts(model, features)
    weights = model.attention(target, states, history.mask)
    gru = torch.nn.GRU(32, 32, batch_first=True).double()
    gru.load_state_dict(model.evolution.state_dict())
    expected = gru(states * weights[..., None])[1][0]
    torch.testing.assert_close(model.evolve(target, states, history), expected)


def test_the_order_of_events_matters(schema, make_batch):
    model, features = build(schema), make_batch([6]).features
    fields = {name: ids.flip(0) for name, ids in features.history.fields.items()}
    flipped = replace(features, history=replace(features.history, fields=fields))
    assert not torch.equal(model(flipped), model(features))


def auxiliary(model: DIEN, batch, draws=None):
    history, events, states, _ = parts(model, batch.features)
    drawn = draws or model._draw_negatives(batch.features.history)
    negatives = drawn.recent(batch.features.history.longest)
    return model.auxiliary_loss(states, events, history, negatives), states


@pytest.mark.parametrize("score", ["inner", "mlp"])
def test_auxiliary_loss_of_a_model_that_knows_nothing(schema, make_batch, score: str):
    model, batch = build(schema, aux_score=score), make_batch([5, 0, 3])
    torch.nn.init.zeros_(model.embeddings.tables[0])
    torch.nn.init.zeros_(model.embeddings.tables[1])
    if model.aux_score is not None:
        torch.nn.init.zeros_(model.aux_score[-1].weight)
        torch.nn.init.zeros_(model.aux_score[-1].bias)
    loss, _ = auxiliary(model, batch)
    assert loss.item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize(
    ("reduction", "steps"), [("valid_mean", 6), ("padded_mean", 3 * 4), ("sum", 3)]
)
def test_auxiliary_loss_step_by_step(schema, make_batch, reduction: str, steps: int):
    model, batch = build(schema, aux_reduction=reduction), make_batch([5, 1, 3])
    source = batch.features.history
    shifted = {name: ids % (schema[name].size - 2) + 2 for name, ids in source.fields.items()}
    negatives = replace(source, fields=shifted)
    assert not (shifted["item"] == source.fields["item"]).any()
    loss, states = auxiliary(model, batch, negatives)
    item, event = model.embeddings.jagged(negatives), model.embeddings.jagged(source)
    total = 0.0
    for row, start, length in ((0, 0, 5), (2, 6, 3)):
        for t in range(length - 1):
            h, after = states[row, t], start + t + 1
            total -= F.logsigmoid(h @ event[after]) + F.logsigmoid(-(h @ item[after]))
    torch.testing.assert_close(loss, total / steps)


def test_auxiliary_loss_does_not_see_the_last_state(schema, make_batch):
    model, batch = build(schema), make_batch([5, 3])
    loss, states = auxiliary(model, batch)
    (gradient,) = torch.autograd.grad(loss, states)
    assert not gradient[0, 4].any()
    assert not gradient[1, 2:].any()
    assert gradient[0, :4].any(1).all()
    assert gradient[1, :2].any(1).all()


def test_no_auxiliary_weight_is_no_auxiliary_branch(schema, make_batch):
    batch = make_batch([5, 0, 3])
    batch = replace(batch, labels=batch.labels.double())
    model = build(schema, aux_weight=0.0)
    model.loss(batch).backward()
    got = {name: p.grad for name, p in model.named_parameters()}
    plain = build(schema)
    F.binary_cross_entropy_with_logits(plain(batch.features), batch.labels).backward()
    for name, parameter in plain.named_parameters():
        assert torch.equal(got[name], parameter.grad)


def test_auxiliary_weight_scales_the_auxiliary_loss(schema, make_batch):
    batch = make_batch([5, 0, 3])
    batch = replace(batch, labels=batch.labels.double())
    losses = []
    for weight in (0.0, 1.0, 2.0):
        model = build(schema, aux_weight=weight)
        torch.manual_seed(3)
        losses.append(model.loss(batch))
    torch.testing.assert_close(losses[2] - losses[0], 2 * (losses[1] - losses[0]))


def test_negatives_are_events_of_the_batch_but_not_the_true_ones(schema, make_batch):
    model, batch = build(schema), make_batch([40, 20])
    history = batch.features.history
    torch.manual_seed(0)
    drawn = model._draw_negatives(history)
    pairs = set(zip(*(ids.tolist() for ids in history.fields.values()), strict=True))
    assert set(zip(*(ids.tolist() for ids in drawn.fields.values()), strict=True)) <= pairs
    assert not (drawn.fields["item"] == history.fields["item"]).any()


def test_negatives_follow_popularity(schema, make_batch):
    model, batch = build(schema), make_batch([4000])
    items = torch.tensor([2, 3, 3, 3]).repeat(1000)
    items[::8] = 9
    history = replace(batch.features.history, fields={"item": items})
    drawn = model._draw_negatives(history).fields["item"][items == 9]
    shares = torch.bincount(drawn, minlength=10) / len(drawn)
    assert shares[3] == pytest.approx(6 / 7, abs=0.06)
    assert shares[9] < 0.01


def test_steps_without_a_negative_are_left_out(schema, make_batch):
    model, batch = build(schema), make_batch([4, 4])
    same = {name: torch.full_like(v, 5) for name, v in batch.features.history.fields.items()}
    batch = replace(
        batch,
        features=replace(batch.features, history=replace(batch.features.history, fields=same)),
    )
    assert auxiliary(model, batch)[0].item() == 0


def test_padding_changes_no_auxiliary_loss(schema, make_batch):
    model, losses = build(schema), []
    for padding in (0, 3):
        batch = make_batch([5, 0, 3], padding=padding)
        torch.manual_seed(0)
        losses.append(model.loss(replace(batch, labels=batch.labels.double())))
    torch.testing.assert_close(losses[0], losses[1])
    assert losses[0] > 1


def test_the_released_gate_gives_another_model(schema, make_batch):
    features = make_batch([5]).features
    paper, released = build(schema), build(schema, augru_variant="reference")
    assert not torch.allclose(paper(features), released(features), rtol=1e-6)
