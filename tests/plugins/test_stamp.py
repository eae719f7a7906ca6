from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from recbench_models.session.stamp import STAMP, STMP, STAMPConfig

from recbench.metrics import METRICS
from recbench.schema import FIRST_ID, PADDING, UNSEEN
from recbench.task import item_predictions

VARIANTS = ["paper", "reference"]


def build(schema, model=STAMP, **options) -> STMP:
    """Return a model whose weights are large enough to matter."""
    torch.manual_seed(0)
    options = {"embedding_dim": 6, "embedding_std": 0.5, "weight_std": 0.7} | options
    built = model(schema, STAMPConfig(**options)).double().eval()
    for name, parameter in built.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    return built


def vectors(model: STMP) -> torch.Tensor:
    return model.embeddings.table(model.embeddings.fields[0])


def attended(model: STAMP, features) -> torch.Tensor:
    """Return what h_s reads."""
    seen = []
    handle = model.session.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    model(features)
    handle.remove()
    return seen[0]


@torch.no_grad()
def equations(model: STMP, session: list[int]) -> list[float]:
    """Return the scores of a session as the paper writes them, click by click."""
    x, reference = vectors(model).detach(), model.config.stamp_variant == "reference"

    def click(item: int) -> torch.Tensor:
        if not reference:
            return x[item]
        return x[item] * min(1, model.config.max_norm / float(x[item].norm().clamp(min=1e-9)))

    def dense(layer, vector):
        return layer.weight @ vector + (0 if layer.bias is None else layer.bias)

    m_t, m_s = click(session[-1]), sum(map(click, session)) / len(session)
    read = m_s
    if isinstance(model, STAMP):
        read = m_s if reference else torch.zeros_like(m_s)
        for item in session:
            inner = dense(model.of_click, click(item))
            inner = inner + dense(model.of_last, m_t) + dense(model.of_mean, m_s)
            read = read + model.weight.weight[0] @ inner.sigmoid() * click(item)
    h_s, h_t = dense(model.session, read).tanh(), dense(model.last, m_t).tanh()
    scores = [sum(h_s[k] * h_t[k] * each[k] for k in range(len(each))) for each in x[FIRST_ID:]]
    return [float(score if reference else score.sigmoid()) for score in scores]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", [STMP, STAMP])
def test_scores_are_those_of_the_equations(session_schema, make_sessions, model, variant):
    sessions = [[3, 4, 3, 9], [5], [UNSEEN, 30, 31]]
    built = build(session_schema, model, stamp_variant=variant, max_norm=0.8)
    found = built(make_sessions(*sessions).features)
    expected = [equations(built, session) for session in sessions]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_a_single_click_is_weighed_by_its_attention(session_schema, make_sessions):
    features = make_sessions([7]).features
    for variant, extra in (("paper", 0), ("reference", 1)):
        model = build(session_schema, stamp_variant=variant, max_norm=9.0)
        x = vectors(model)[7]
        inner = model.of_click(x) + model.of_last(x) + model.of_mean(x)
        weight = model.weight(inner.sigmoid())
        torch.testing.assert_close(attended(model, features)[0], (weight + extra) * x)


def test_without_attention_the_paper_forgets_and_the_reference_is_stmp(
    session_schema, make_sessions
):
    features = make_sessions([3, 4, 5], [9, 9]).features
    for variant in VARIANTS:
        model = build(session_schema, stamp_variant=variant)
        torch.nn.init.zeros_(model.weight.weight)
        if variant == "paper":
            assert (attended(model, features) == 0).all()
            continue
        plain = build(session_schema, STMP, stamp_variant=variant)
        plain.load_state_dict(model.state_dict(), strict=False)
        torch.testing.assert_close(model(features), plain(features))


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_place_of_the_last_click_matters(session_schema, make_sessions, variant):
    model = build(session_schema, stamp_variant=variant)
    orders = [[*order, 6] for order in permutations([3, 4, 5])]
    scores = model(make_sessions(*orders).features)
    torch.testing.assert_close(scores, scores[:1].expand_as(scores))
    other = model(make_sessions([6, 4, 5, 3]).features)
    assert not torch.allclose(other, scores[:1], rtol=0.01)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_is_neither_summed_nor_counted_nor_a_candidate(
    session_schema, make_sessions, variant
):
    model = build(session_schema, stamp_variant=variant)
    alone = model(make_sessions([3, 4]).features)
    beside = model(make_sessions([3, 4], [5] * 40).features)[:1]
    torch.testing.assert_close(beside, alone)
    assert alone.shape == (1, 30)
    assert not vectors(model)[[PADDING, UNSEEN]].any()
    model.train().loss(make_sessions([3, UNSEEN], [], [4])).backward()
    gradient = vectors(model).grad
    assert not gradient[PADDING].any()


def test_the_logits_of_the_paper_stay_between_0_and_1(session_schema, make_sessions):
    """So that no item is more than e times as probable as another."""
    model = build(session_schema, embedding_std=30.0, weight_std=30.0)
    scores = model(make_sessions([3, 4], [5], []).features)
    assert 0 <= scores.min() < 0.01 < 0.99 < scores.max() <= 1
    p = scores.softmax(1)
    torch.testing.assert_close(p.sum(1), torch.ones(3).double())
    assert (p.max(1).values / p.min(1).values <= math.e + 1e-9).all()
    least = math.log(1 + (30 - 1) / math.e)
    assert model.loss(make_sessions([3, 4], targets=[8])) >= least


def test_the_product_is_symmetric_in_session_and_last_click(session_schema, make_sessions):
    model, features = build(session_schema), make_sessions([3, 4, 5]).features
    scores, h_s = model(features), model.session(attended(model, features)).tanh()
    h_t = model.last(vectors(model)[[5]]).tanh()
    for one, other in ((h_s, h_t), (h_t, h_s)):
        product = torch.einsum("bk,bk,jk->bj", one, other, vectors(model)[FIRST_ID:])
        torch.testing.assert_close(product.sigmoid(), scores)


def test_a_model_that_scores_all_alike_is_at_chance(session_schema, make_sessions):
    model, items = build(session_schema), 30
    torch.nn.init.zeros_(vectors(model))
    targets = list(range(FIRST_ID, FIRST_ID + items))
    batch = make_sessions(*[[3, 4]] * items, targets=targets)
    columns = item_predictions(model(batch.features), batch.labels, session_schema)
    found = {name: column.numpy() for name, column in columns.items()}
    mean_rank = (items + 1) / 2
    assert METRICS["mrr@20"](found) == pytest.approx(1 / mean_rank)
    assert found["rank"].tolist() == [mean_rank] * items


def test_the_initial_values_are_those_of_the_paper(session_schema):
    model = STAMP(session_schema, STAMPConfig(embedding_dim=400))
    assert vectors(model)[FIRST_ID:].std().item() == pytest.approx(0.002, rel=0.05)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif "embeddings" not in name:
            assert parameter.std().item() == pytest.approx(0.05, rel=0.15)
    assert STAMP(session_schema, STAMPConfig(stamp_variant="reference")).session.bias is None
