from __future__ import annotations

import pytest
import torch
from recbench_models.session.gru4rec import GRU4Rec, GRU4RecConfig

from recbench.errors import UsageError
from recbench.schema import FIRST_ID


def build(schema, **options) -> GRU4Rec:
    torch.manual_seed(0)
    model = GRU4Rec(schema, GRU4RecConfig(embedding_dim=6, hidden=6, **options)).double().eval()
    torch.nn.init.normal_(model.bias)
    return model


def test_scores_are_products_with_the_state_after_the_last_click(session_schema, make_sessions):
    for shared in (False, True):
        model = build(session_schema, shared_items=shared)
        scores = model(make_sessions([3, 4, 5], [6]).features)
        table = model.embeddings.table(model.embeddings.fields[0])
        candidates = table[FIRST_ID:] if shared else model.output
        for row, session in enumerate([[3, 4, 5], [6]]):
            _, state = model.gru(table[session][None])
            torch.testing.assert_close(scores[row], candidates @ state[0, 0] + model.bias)


def test_the_order_of_clicks_matters(session_schema, make_sessions):
    scores = build(session_schema)(make_sessions([3, 4, 5], [4, 3, 5]).features)
    assert not torch.allclose(scores[0], scores[1], rtol=0.01)


def test_an_empty_session_is_scored_by_the_bias(session_schema, make_sessions):
    model = build(session_schema)
    for sessions in ([[]], [[3], []]):
        torch.testing.assert_close(model(make_sessions(*sessions).features)[-1], model.bias)


def test_no_more_than_the_latest_clicks_are_read(session_schema, make_sessions):
    scores = build(session_schema, history_length=2)(make_sessions([3, 4, 5], [9, 4, 5]).features)
    assert torch.equal(scores[0], scores[1])


def test_dropout_is_of_the_state_in_training_alone(session_schema, make_sessions):
    model, features = build(session_schema, dropout=0.5), make_sessions([3, 4, 5]).features
    assert torch.equal(model(features), model(features))
    model.train()
    assert not torch.equal(model(features), model(features))


def test_shared_items_need_equal_widths():
    with pytest.raises(UsageError, match="embedding_dim is 6 and hidden 8"):
        GRU4RecConfig(embedding_dim=6, hidden=8, shared_items=True)
