from __future__ import annotations

import torch

from recbench.batch import Features, History
from recbench.layers import FieldEmbeddings
from recbench.schema import PADDING, UNSEEN, Field, Schema

SCHEMA = Schema(
    (
        Field("user", "user", 6),
        Field("item", "item", 9),
        Field("hour", "context", 4),
        Field("category", "item", 5),
        Field("label", "label", 2),
    )
)


def features() -> Features:
    history = History(
        {"item": torch.tensor([2, 8, 3]), "category": torch.tensor([2, 4, 2])},
        torch.tensor([30, 20, 10]),
        torch.tensor([0, 1, 3]),
        2,
    )
    fields = {"user": [2, 3], "item": [4, 5], "hour": [2, 3], "category": [3, 2]}
    return Features({name: torch.tensor(ids) for name, ids in fields.items()}, history)


def test_forward_returns_all_fields_in_schema_order():
    embeddings = FieldEmbeddings(SCHEMA, 3)
    vectors = embeddings(features())
    assert vectors.shape == (2, 4, 3)
    for position, (name, user_id) in enumerate(
        {"user": 2, "item": 4, "hour": 2, "category": 3}.items()
    ):
        assert torch.equal(vectors[0, position], embeddings.table(SCHEMA[name])[user_id])


def test_target_history_and_jagged_share_the_item_tables():
    embeddings, given = FieldEmbeddings(SCHEMA, 3), features()
    item, category = (embeddings.table(SCHEMA[name]) for name in ("item", "category"))
    assert embeddings.item_width == 6
    assert torch.equal(embeddings.target(given)[1], torch.cat([item[5], category[2]]))
    assert torch.equal(embeddings.jagged(given.history)[1], torch.cat([item[8], category[4]]))
    padded = embeddings.history(given.history.recent(2))
    assert padded.shape == (2, 2, 6)
    assert torch.equal(padded[1, 0], torch.cat([item[8], category[4]]))
    assert not padded[0, 1].any()


def test_profile_holds_user_and_context_and_may_be_empty():
    embeddings, given = FieldEmbeddings(SCHEMA, 3), features()
    user, hour = (embeddings.table(SCHEMA[name]) for name in ("user", "hour"))
    assert embeddings.profile_width == 6
    assert torch.equal(embeddings.profile(given)[1], torch.cat([user[3], hour[3]]))
    bare = FieldEmbeddings(SCHEMA, 3, exclude=("user", "hour")).double()
    assert bare.profile_width == 0
    profile = bare.profile(given)
    assert profile.shape == (2, 0)
    assert profile.dtype == torch.float64


def test_excluded_fields_have_no_table():
    embeddings = FieldEmbeddings(SCHEMA, 3, exclude=("user", "absent"))
    assert [field.name for field in embeddings.fields] == ["item", "hour", "category"]
    assert sum(p.numel() for p in embeddings.parameters()) == 3 * (9 + 4 + 5)


def test_padding_and_unseen_begin_at_zero_and_padding_stays_there():
    embeddings = FieldEmbeddings(SCHEMA, 3)
    optimizer = torch.optim.SGD(embeddings.parameters(), lr=1.0)
    table = embeddings.table(SCHEMA["item"])
    assert not table[[PADDING, UNSEEN]].any()
    assert table[2:].all()
    ids = {"item": torch.tensor([PADDING, UNSEEN, 2]), "category": torch.tensor([PADDING] * 3)}
    embeddings.items(ids).sum().backward()
    optimizer.step()
    assert not table[PADDING].any()
    assert table[UNSEEN].tolist() == [-1, -1, -1]


def test_vectors_begin_about_one_long_unless_told_otherwise():
    schema = Schema((Field("item", "item", 1000),))
    for std, expected in ((None, 16**-0.5), (0.5, 0.5), (0.0, 0.0)):
        table = FieldEmbeddings(schema, 16, std=std).table(schema["item"])
        assert abs(table[2:].std().item() - expected) < 0.01


def test_numbers_have_no_table():
    schema = Schema((Field("age", "context", 0), Field("hour", "context", 26)))
    embeddings = FieldEmbeddings(schema, 4)
    assert [field.name for field in embeddings.fields] == ["hour"]
    assert embeddings.profile_width == 4


def test_a_look_up_of_nothing_can_be_differentiated_twice():
    embeddings = FieldEmbeddings(SCHEMA, 3)
    none = {name: torch.empty((2, 0), dtype=torch.int64) for name in ("item", "category")}
    vectors = embeddings.items(none)
    assert vectors.shape == (2, 0, 6)
    table = embeddings.table(SCHEMA["item"])
    error = (table.square().sum() + vectors.sum()).square()
    (gradient,) = torch.autograd.grad(error, table, create_graph=True)
    gradient.square().sum().backward()
    assert table.grad.isfinite().all()


def test_several_returns_what_items_returns_for_each():
    embeddings, given = FieldEmbeddings(SCHEMA, 3), features()
    target, events = embeddings.several(given.fields, given.history.fields)
    assert torch.equal(target, embeddings.target(given))
    assert torch.equal(events, embeddings.jagged(given.history))
