"""What every built-in model must stand beside the conformance checks, in every form it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from recbench_models.baselines.logistic_regression import LogisticRegression
from recbench_models.sequence.dien import DIEN
from recbench_models.sequence.din import DIN
from recbench_models.sequence.din_base import DINBase
from recbench_models.sequence.sim import SIM
from recbench_models.session.gru4rec import GRU4Rec
from recbench_models.session.item_knn import ItemKNN
from recbench_models.session.markov import Markov
from recbench_models.session.popularity import ItemPopularity
from recbench_models.session.stamp import STAMP, STMP

from recbench.batch import CTRBatch, NextItemBatch
from recbench.errors import UsageError
from recbench.model import Model
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
SESSION: list[tuple[type[Model], dict[str, Any]]] = [
    (GRU4Rec, {}),
    (GRU4Rec, {"shared_items": True, "dropout": 0.1}),
    (STMP, {}),
    (STMP, {"stamp_variant": "reference"}),
    (STAMP, {}),
    (STAMP, {"stamp_variant": "reference"}),
]
COUNTING: list[tuple[type[Model], dict[str, Any]]] = [
    (model, {}) for model in (ItemPopularity, Markov, ItemKNN)
]

MakeBatch = Callable[..., CTRBatch]


def build(form: tuple[type[Model], dict[str, Any]], schema: Schema) -> Model:
    torch.manual_seed(0)
    model, options = form
    return model(schema, model.Config(**options))


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


@pytest.mark.parametrize("form", SESSION)
def test_session_models_run_in_double_and_under_autocast(
    form: tuple, session_schema: Schema, make_sessions: Callable[..., NextItemBatch]
):
    batch, model = make_sessions([3, 4, 3], [], [5]), build(form, session_schema)
    with torch.autocast("cpu", torch.bfloat16):
        low = model.loss(batch)
    low.backward()
    assert low.isfinite()
    double = build(form, session_schema).double()
    loss = double.loss(batch)
    loss.backward()
    assert double(batch.features).dtype == loss.dtype == torch.float64


@pytest.mark.parametrize("form", SESSION + COUNTING)
def test_evaluation_of_sessions_leaves_the_random_generator_alone(
    form: tuple, session_schema: Schema, make_sessions: Callable[..., NextItemBatch]
):
    model, batch = build(form, session_schema).eval(), make_sessions([3, 4, 3], [], [5])
    before = torch.random.get_rng_state()
    model(batch.features)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("form", FORMS)
def test_evaluation_leaves_the_random_generator_alone(
    form: tuple, schema: Schema, make_batch: MakeBatch
):
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


@pytest.mark.parametrize("model", [DINBase, DIN, DIEN, SIM, STMP, STAMP])
def test_options_outside_their_choices_are_refused(model: type[Model]):
    for field in fields(model.Config):
        if "Literal" in str(field.type) or field.type == "Activation":
            with pytest.raises(UsageError, match=f"unknown value of .*{field.name} 'maximum'"):
                model.Config(**{field.name: "maximum"})
