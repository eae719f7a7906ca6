from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from recbench_models.sequence.sim import SIM, SIMConfig

from recbench.batch import Features, History
from recbench.errors import UsageError
from recbench.ops.dispatch import backend, observe
from recbench.schema import Field, Schema
from recbench.testing.vector_checks import PicturedSubject


def build(schema, **options) -> SIM:
    torch.manual_seed(0)
    return SIM(schema, SIMConfig(**options)).double().eval()


def take(features: Features, positions: list[torch.Tensor]) -> Features:
    """Return features with histories made of the events at `positions` of each row."""
    history = features.history
    flat = torch.cat([p + start for p, start in zip(positions, history.offsets, strict=False)])
    lengths = [len(p) for p in positions]
    taken = History(
        {name: ids[flat] for name, ids in history.fields.items()},
        history.age[flat],
        torch.tensor([0, *lengths]).cumsum(0),
        max(lengths),
    )
    return replace(features, history=taken)


def long_interest(model: SIM, features: Features, found: torch.Tensor) -> torch.Tensor:
    """Attend to the events at positions `found` [B, K] of each row."""
    rows = []
    target = model.embeddings.target(features)
    events = model.embeddings.jagged(features.history)
    for row, positions in enumerate(found):
        at = positions + features.history.offsets[row]
        real = torch.ones(1, len(at), dtype=torch.bool)
        age = features.history.age[at][None]
        rows.append(model.esu(target[row : row + 1], events[at][None], age, real))
    return torch.cat(rows)


def test_soft_search_that_takes_all_is_attention_over_the_whole_history(schema, make_batch):
    model, features = build(schema, top_k=9), make_batch([6, 6]).features
    whole = long_interest(model, features, torch.arange(6).expand(2, 6))
    seen = []
    model.esu.register_forward_hook(lambda module, given, output: seen.append(output))
    model(features)
    torch.testing.assert_close(seen[-1], whole)


def test_one_event_found_is_returned_with_its_age(schema, make_batch):
    model, features = build(schema, top_k=1), make_batch([6]).features
    events, target = model.embeddings.jagged(features.history), model.embeddings.target(features)
    best = (events @ model.gsu.query(target)[0]).argmax()
    age = torch.tensor([int(features.history.age[best]).bit_length()])
    expected = torch.cat([events[best], model.esu.age(age)[0]]).repeat(2)
    seen = []
    model.esu.register_forward_hook(lambda module, given, output: seen.append(output))
    model(features)
    torch.testing.assert_close(seen[-1][0], expected)


def test_search_scores_are_inner_products_of_the_projections(schema, make_batch):
    gsu, target, event = build(schema).gsu, *torch.randn(2, 3, 32).double()
    expected = (gsu.event(event) * gsu.target(target)).sum(1)
    torch.testing.assert_close((gsu.query(target) * event).sum(1), expected)


def test_exact_search_is_softmax_attention_head_by_head(schema):
    esu = build(schema, heads=3, head_dim=5).esu
    target, events = torch.randn(1, 32).double(), torch.randn(1, 4, 32).double()
    age = torch.tensor([[0, 1, 60, 10**6]])
    z = torch.cat([events[0], esu.age(torch.tensor([0, 1, 6, 20]))], 1)
    heads = []
    for query, key in zip(esu.target(target)[0].view(3, 5), esu.event, strict=True):
        heads.append((z @ key.T @ query).softmax(0) @ z)
    output = esu(target, events, age, torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(output[0], torch.cat(heads))


def test_ages_beyond_the_last_bucket_share_it(schema):
    esu = build(schema, time_buckets=4).esu
    bucket = torch.bucketize(torch.tensor([0, 1, 3, 4, 7, 8, 10**9]), esu.boundaries, right=True)
    assert bucket.tolist() == [0, 1, 2, 3, 3, 3, 3]


def test_nothing_found_gives_zeros(schema, make_batch):
    model = build(schema, search="hard")
    features = make_batch([3, 0]).features
    category = {"category": torch.tensor([2, 2])}
    features = replace(features, fields={**features.fields, **category})
    events = {**features.history.fields, "category": torch.tensor([3, 4, 5])}
    features = replace(features, history=replace(features.history, fields=events))
    seen = []
    model.esu.register_forward_hook(lambda module, given, output: seen.append(output))
    assert model(features).isfinite().all()
    assert not seen[-1].any()


def test_hard_search_takes_the_latest_events_of_the_targets_category(schema, make_batch):
    model, features = build(schema, search="hard", top_k=3), make_batch([60, 45]).features
    found = model.search(features)
    for row, positions in enumerate(found):
        start, stop = features.history.offsets[row : row + 2]
        category = features.history.fields["category"][start:stop]
        matches = (category == features.fields["category"][row]).nonzero()[:, 0]
        assert len(matches) >= 3
        assert positions.tolist() == matches.flip(0)[:3].tolist()


@pytest.mark.parametrize("search", ["hard", "soft"])
def test_a_history_pruned_to_what_is_read_gives_the_same(schema, make_batch, search: str):
    model = build(schema, search=search, top_k=3, history_length=4)
    features = make_batch([40, 2, 0, 25]).features
    lengths, positions = features.history.lengths.tolist(), []
    for row, length in enumerate(lengths):
        start = features.history.offsets[row]
        category = features.history.fields["category"][start : start + length]
        recent = length if model.reads.recent is None else model.reads.recent
        kept = torch.arange(length) >= length - recent
        matches = (category == features.fields["category"][row]).nonzero()[:, 0]
        kept[matches[len(matches) - min(model.reads.same_category, len(matches)) :]] = True
        positions.append(kept.nonzero()[:, 0])
    pruned = take(features, positions)
    assert (len(pruned.history.age) < len(features.history.age)) == (search == "hard")
    torch.testing.assert_close(model(pruned), model(features), rtol=0, atol=1e-12)


def test_whole_history_is_read_by_soft_search_and_little_by_hard(schema):
    assert build(schema).reads.recent is None
    reads = build(schema, search="hard", top_k=7, history_length=5).reads
    assert (reads.recent, reads.same_category) == (5, 7)


@pytest.mark.parametrize("search", ["hard", "soft"])
def test_the_order_of_events_does_not_matter_if_all_match(schema, make_batch, search: str):
    model, features = build(schema, search=search, top_k=4), make_batch([9]).features
    if search == "hard":
        model.config = replace(model.config, top_k=9)
    permuted = take(features, [torch.tensor([8, 1, 0, 3, 7, 5, 4, 2, 6])])
    torch.testing.assert_close(model(permuted), model(features))


def test_the_search_interest_is_the_weighted_sum_of_all_events(schema, make_batch):
    model, features = build(schema), make_batch([5, 0, 3]).features
    target, events = model.embeddings.target(features), model.embeddings.jagged(features.history)
    interest = model.gsu.interest(target, events, features.history)
    for row, (start, stop) in enumerate(((0, 5), (5, 5), (5, 8))):
        e = events[start:stop]
        torch.testing.assert_close(interest[row], (e @ model.gsu.query(target)[row]) @ e)


def test_the_search_interest_is_linear_in_relevance(schema, make_batch):
    model, features = build(schema), make_batch([5, 0, 3]).features
    target, events = model.embeddings.target(features), model.embeddings.jagged(features.history)
    once = model.gsu.interest(target, events, features.history)
    with torch.no_grad():
        model.gsu.target.weight *= 2
    torch.testing.assert_close(model.gsu.interest(target, events, features.history), 2 * once)


def test_the_search_interest_has_right_gradients(schema, make_batch):
    model, features = build(schema, embedding_dim=2), make_batch([3, 0, 2]).features
    target, events = torch.randn(3, 4).double(), torch.randn(5, 4).double()
    assert torch.autograd.gradcheck(
        lambda target, events: model.gsu.interest(target, events, features.history),
        (target.requires_grad_(), events.requires_grad_()),
    )


def losses(model: SIM, batch) -> tuple[torch.Tensor, torch.Tensor]:
    batch = replace(batch, labels=batch.labels.double())
    with torch.no_grad():
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        target = model.embeddings.target(batch.features)
        events = model.embeddings.jagged(batch.features.history)
        gsu = bce(model.gsu(target, events, batch.features.history), batch.labels)
        return gsu, bce(model(batch.features), batch.labels)


def test_loss_weighs_both_units(schema, make_batch):
    model, batch = build(schema, gsu_weight=0.3, esu_weight=0.7), make_batch([5, 0, 3])
    gsu, esu = losses(model, batch)
    loss = model.loss(replace(batch, labels=batch.labels.double()))
    torch.testing.assert_close(loss.detach(), 0.3 * gsu + 0.7 * esu)


def test_without_its_weight_the_search_learns_nothing(schema, make_batch):
    for weight, learns in ((0.0, False), (1.0, True)):
        model, batch = build(schema, gsu_weight=weight), make_batch([5, 0, 3])
        model.loss(replace(batch, labels=batch.labels.double())).backward()
        for parameter in model.gsu.parameters():
            assert (parameter.grad is not None and bool(parameter.grad.any())) is learns


def test_hard_search_has_no_parameters_of_its_own(schema):
    model = build(schema, search="hard")
    assert model.gsu is None
    assert not any("gsu" in name for name in model.state_dict())


def test_hard_search_needs_a_category():
    schema = Schema((Field("item", "item", 5), Field("label", "label", 2)))
    with pytest.raises(UsageError, match="needs an item field 'category'.*search = 'soft'"):
        SIM(schema, SIMConfig(search="hard"))
    assert SIM(schema, SIMConfig()).gsu is not None


@pytest.mark.parametrize("choice", ["auto", "reference"])
def test_soft_search_finds_the_same_by_ids_as_by_vectors(schema, make_batch, choice: str):
    model, features = build(schema, top_k=6), make_batch([40, 2, 0, 25]).features
    target, events = model.embeddings.target(features), model.embeddings.jagged(features.history)
    with backend(choice), observe() as used:
        by_ids = model.search(features)
        by_vectors = model.gsu.search(model.gsu.query(target), events, features.history)
    assert torch.equal(by_ids, by_vectors)
    assert set(used) == {"sim_search_soft"}


@pytest.mark.parametrize("choice", ["auto", "reference"])
def test_soft_search_finds_the_same_where_items_have_frozen_vectors(choice: str):
    data = PicturedSubject(SIM).data
    model, features = build(data.schema, top_k=6), data.random([40, 2, 0, 25]).features
    target, events = model.embeddings.target(features), model.embeddings.jagged(features.history)
    with backend(choice):
        by_vectors = model.gsu.search(model.gsu.query(target), events, features.history)
        assert torch.equal(model.search(features), by_vectors)
