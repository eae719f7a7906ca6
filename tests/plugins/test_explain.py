"""What models say of their weights is what `forward` computes with: the output follows from it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import torch
from recbench_models.multitask.mmoe import MMoE
from recbench_models.multitask.moe import MoE
from recbench_models.multitask.ple import PLE
from recbench_models.sequence.dien import DIEN
from recbench_models.sequence.din import DIN
from recbench_models.sequence.sim import SIM
from recbench_models.session.stamp import STAMP, STMP

from recbench.layers import watch
from recbench.ops.dispatch import backend
from recbench.testing.synthetic_tables import SCHEMA, random_batch

LENGTHS = (6, 0, 1, 70)


def build(kind, schema, **options):
    torch.manual_seed(0)
    return kind(schema, kind.Config(**options)).double().eval()


@pytest.fixture
def rows():
    features = random_batch([0] * 16, unseen=0).features
    return type(features)(features.fields, features.history, features.numbers.double())


@pytest.mark.parametrize("kind", [MMoE, MoE])
def test_the_outputs_follow_from_the_gates(kind, rows):
    model = build(kind, SCHEMA)
    found = model.explain(rows)
    assert list(found) == [f"gate/{label}" for label in SCHEMA.labels]
    mixed = torch.stack(list(found.values()), 1) @ model.experts(model.inputs(rows))
    torch.testing.assert_close(model.towers(mixed), model(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"extraction_layers": 1}, {"own_experts": 0}, {"shared_experts": 0}]
)
def test_the_outputs_follow_from_the_gates_of_every_layer(options, rows):
    model = build(PLE, SCHEMA, **options)
    found = model.explain(rows)
    states = [model.inputs(rows)] * (len(SCHEMA.labels) + 1)
    for number, layer in enumerate(model.layers, 1):
        given = (states[:-1] if layer.has_own else []) + states[-1:] * layer.has_shared
        each = [experts(x) for experts, x in zip(layer.experts, given, strict=True)]
        experts = torch.cat(each, 1)
        assert experts.shape[1] == len(model.expert_names)
        for place, name in enumerate((*SCHEMA.labels, "(shared)")):
            gate = found.get(f"gate{number}/{name}")
            if gate is not None:
                torch.testing.assert_close(gate.sum(1), torch.ones(16).double())
                states[place] = (gate[:, None] @ experts)[:, 0]
    outputs = model.towers(torch.stack(states[:-1], 1))
    torch.testing.assert_close(outputs, model(rows), rtol=0, atol=1e-12)


def test_experts_of_ple_are_called_by_their_owners():
    names = build(PLE, SCHEMA, own_experts=2, shared_experts=1).expert_names
    own = [f"{label} {n}" for label in SCHEMA.labels for n in (1, 2)]
    assert list(names) == [*own, "shared 1"]


def attended(model, layer, features):
    """Return the explanation, and what the layer was given and returned in it."""
    with watch(layer) as calls:
        found = model.explain(features)
    return found, calls[0]


@pytest.mark.parametrize("choice", ["auto", "reference"])
@pytest.mark.parametrize(
    "options", [{}, {"att_normalize": "softmax", "att_scaled": True},
                {"attention_activation": "dice"}],
)  # fmt: skip
def test_the_interest_of_din_is_the_sum_by_its_weights(options, choice, schema, make_batch):
    model, features = build(DIN, schema, **options), make_batch(LENGTHS).features
    with torch.no_grad(), backend(choice):
        found, call = attended(model, model.attention, features)
    assert found["attention"].shape == (4, 50)
    interest = (found["attention"][..., None] * call.arguments[1]).sum(1)
    torch.testing.assert_close(interest, call.output, rtol=0, atol=1e-12)
    assert not found["attention"][0, 6:].any()


@pytest.mark.parametrize("search", ["soft", "hard"])
def test_the_interests_of_sim_are_the_sums_by_its_weights(search, schema, make_batch):
    model = build(SIM, schema, search=search, top_k=5)
    features = make_batch(LENGTHS).features
    found, short = attended(model, model.attention, features)
    interest = (found["attention"][..., None] * short.arguments[1]).sum(1)
    torch.testing.assert_close(interest, short.output, rtol=0, atol=1e-12)
    events, history = model.embeddings.jagged(features.history), features.history
    with watch(model.esu) as calls:
        model(features)
    for row, (places, weights) in enumerate(
        zip(found["found"], found["found_attention"], strict=True)
    ):
        at = history.offsets[row] + places[places >= 0]
        age = torch.bucketize(history.age[at], model.esu.boundaries, right=True)
        aged = torch.cat([events[at], model.esu.age(age)], 1)
        heads = weights[:, places >= 0] @ aged
        torch.testing.assert_close(heads.flatten(), calls[0].output[row], rtol=0, atol=1e-12)


@pytest.mark.parametrize("evolution", ["augru", "agru", "aigru"])
@pytest.mark.parametrize("attention", ["bilinear", "mlp"])
def test_the_last_state_of_dien_follows_from_its_weights(evolution, attention, schema, make_batch):
    model = build(DIEN, schema, evolution=evolution, attention=attention)
    features = make_batch(LENGTHS).features
    with ExitStack() as stack:
        extracted, evolved = (
            stack.enter_context(watch(layer)) for layer in (model.extractor, model.evolution)
        )
        weights = model.explain(features)["attention"]
    states, lengths = extracted[0].output, features.history.lengths.clamp(max=50)
    torch.testing.assert_close(weights.sum(1), (lengths > 0).double())
    given = (states, weights)
    if evolution == "aigru":
        given = (states * weights[..., None], torch.ones_like(weights))
    last = model.evolution(*given, lengths)[1]
    torch.testing.assert_close(last, evolved[0].output[1], rtol=0, atol=0)


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_what_stamp_reads_is_the_sum_by_its_weights(variant, session_schema, make_sessions):
    model = build(STAMP, session_schema, stamp_variant=variant)
    features = make_sessions([3, 4, 5], [7], []).features
    with watch(model.session) as calls:
        weights = model.explain(features)["attention"]
    clicks = model.clip(model.embeddings.history(features.history.recent(3)))
    read = (weights[..., None] * clicks).sum(1)
    if variant == "reference":
        read = read + clicks.sum(1) / torch.tensor([[3.0], [1], [1]])
    torch.testing.assert_close(read, calls[0].arguments[0], rtol=0, atol=1e-12)
    assert not weights[1, 1:].any()
    assert not weights[2].any()


def test_a_model_that_has_no_weights_explains_nothing(session_schema, make_sessions):
    assert build(STMP, session_schema).explain(make_sessions([3]).features) == {}
