"""What every built-in model must stand, in every form it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from recbench_models.baselines.logistic_regression import LogisticRegression
from recbench_models.baselines.popularity import Popularity
from recbench_models.sequence.dien import DIEN
from recbench_models.sequence.din import DIN
from recbench_models.sequence.din_base import DINBase
from recbench_models.sequence.sim import SIM

from recbench.batch import CTRBatch
from recbench.errors import UsageError
from recbench.model import API_VERSION, Model
from recbench.schema import Schema

FORMS: list[tuple[type[Model], dict[str, Any]]] = [
    (LogisticRegression, {}),
    (DINBase, {}),
    (DINBase, {"pooling": "sum", "activation": "dice", "use_user_id": True, "dropout": 0.1}),
    (DIN, {}),
    (DIN, {"att_normalize": "softmax", "att_scaled": True, "attention_activation": "sigmoid"}),
    (DIN, {"attention_activation": "dice", "activation": "dice", "mba_l2": 0.01}),
    (DIEN, {}),
    (DIEN, {"attention": "mlp", "evolution": "aigru", "aux_score": "mlp"}),
    (DIEN, {"evolution": "agru", "aux_reduction": "padded_mean", "activation": "dice"}),
    (DIEN, {"augru_variant": "reference", "aux_reduction": "sum"}),
    (SIM, {}),
    (SIM, {"search": "hard", "use_user_id": True, "activation": "dice"}),
]
SEQUENCE = [form for form in FORMS if form[0] is not LogisticRegression]

MakeBatch = Callable[..., CTRBatch]


def build(form: tuple[type[Model], dict[str, Any]], schema: Schema) -> Model:
    torch.manual_seed(0)
    model, options = form
    return model(schema, model.Config(**options))


@pytest.mark.parametrize("model", [Popularity, LogisticRegression, DINBase, DIN, DIEN, SIM])
def test_states_its_contract(model: type[Model], schema: Schema):
    assert model.api == API_VERSION
    assert model(schema, model.Config()).reads.recent != 0 or model.__module__.count("baselines")


@pytest.mark.parametrize("lengths", [(0,), (1,), (2,), (4,), (0, 0, 0), (0, 3, 0), (60, 0, 51, 1)])
@pytest.mark.parametrize("form", FORMS)
def test_loss_and_gradients_are_finite_on_any_batch(
    form: tuple, lengths: tuple, schema: Schema, make_batch: MakeBatch
):
    model, batch = build(form, schema), make_batch(lengths)
    loss = model.loss(batch)
    loss.backward()
    assert loss.shape == ()
    assert loss.isfinite()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    logits = model.eval()(batch.features)
    assert logits.shape == (len(lengths),)
    assert logits.isfinite().all()


@pytest.mark.parametrize("form", SEQUENCE)
def test_padding_changes_no_output(form: tuple, schema: Schema, make_batch: MakeBatch):
    model = build(form, schema).eval()
    for lengths in ((3, 0, 2), (1,)):
        expected = model(make_batch(lengths).features)
        padded = model(make_batch(lengths, padding=4).features)
        torch.testing.assert_close(padded, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_a_row_does_not_depend_on_its_batch(form: tuple, schema: Schema, make_batch: MakeBatch):
    model, batch = build(form, schema).eval(), make_batch([5, 0, 2])
    alone = make_batch([5, 0, 2])
    events = {name: ids[:5] for name, ids in alone.features.history.fields.items()}
    history = replace(
        alone.features.history, fields=events, age=alone.features.history.age[:5],
        offsets=torch.tensor([0, 5]),
    )  # fmt: skip
    first = {name: ids[:1] for name, ids in alone.features.fields.items()}
    features = replace(alone.features, fields=first, history=history)
    torch.testing.assert_close(model(features), model(batch.features)[:1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_runs_in_double_and_under_autocast(form: tuple, schema: Schema, make_batch: MakeBatch):
    batch, model = make_batch([4, 0, 2]), build(form, schema)
    with torch.autocast("cpu", torch.bfloat16):
        low = model.loss(batch)
    low.backward()
    assert low.isfinite()
    double = build(form, schema).double()
    logits = double(batch.features)
    assert logits.dtype == torch.float64
    loss = double.loss(replace(batch, labels=batch.labels.double()))
    loss.backward()
    assert loss.dtype == torch.float64


@pytest.mark.parametrize("form", FORMS)
def test_learns_a_batch_by_heart(form: tuple, schema: Schema, make_batch: MakeBatch):
    model, batch = build(form, schema), make_batch([4, 0, 2, 7, 3, 5, 1, 6])
    labels = torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 1])
    # Targets told apart by id, so that even a linear model can learn them.
    item = {"item": torch.arange(2, 10)}
    learnt = CTRBatch(replace(batch.features, fields={**batch.features.fields, **item}), labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        model.loss(learnt).backward()
        optimizer.step()
    probabilities = model(learnt.features).sigmoid()
    assert (probabilities - labels).abs().max() < 0.4


@pytest.mark.parametrize("form", FORMS)
def test_state_survives_a_round_trip(form: tuple, schema: Schema, make_batch: MakeBatch):
    model, batch = build(form, schema), make_batch([4, 0, 2])
    torch.manual_seed(1)
    other = form[0](schema, form[0].Config(**form[1]))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.eval()(batch.features), model.eval()(batch.features))


@pytest.mark.parametrize("form", FORMS)
def test_evaluation_draws_nothing_at_random(form: tuple, schema: Schema, make_batch: MakeBatch):
    model, batch = build(form, schema).eval(), make_batch([4, 0, 2])
    before = torch.random.get_rng_state()
    model(batch.features)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("form", SEQUENCE)
def test_the_user_id_is_read_only_if_asked_for(form: tuple, schema: Schema, make_batch: MakeBatch):
    model, batch = build(form, schema).eval(), make_batch([4, 0, 2])
    user = {"user": batch.features.fields["user"] % 7 + 2}
    changed = replace(batch.features, fields={**batch.features.fields, **user})
    same = torch.equal(model(changed), model(batch.features))
    assert same is not form[1].get("use_user_id", False)


@pytest.mark.parametrize("model", [DINBase, DIN, DIEN, SIM])
def test_options_outside_their_choices_are_refused(model: type[Model]):
    for field in fields(model.Config):
        if "Literal" in str(field.type) or field.type == "Activation":
            with pytest.raises(UsageError, match=f"unknown value of .*{field.name} 'maximum'"):
                model.Config(**{field.name: "maximum"})
