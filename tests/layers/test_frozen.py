from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from recbench.batch import Features, History
from recbench.layers import FieldEmbeddings, MiniBatchAwareL2
from recbench.schema import FIRST_ID, PADDING, UNSEEN, Field, Schema
from recbench.training import load_checkpoint, save_checkpoint

ITEM, PICTURE = Field("item", "item", 4), Field("picture", "item", FIRST_ID + 5, 3)
VECTORS = np.arange(21, dtype=np.float32).reshape(7, 3)
VECTORS[[PADDING, UNSEEN]] = 0
VECTORS.flags.writeable = False
SCHEMA = Schema(
    (Field("user", "user", 4), ITEM, PICTURE, Field("label", "label", 2)),
    vectors={"picture": VECTORS},
)


def ids(*items: int) -> dict[str, torch.Tensor]:
    """Return items as batches have them: to models, those behind the third one are unseen."""
    picture = torch.tensor(items)
    return {"item": picture.where(picture < ITEM.size, UNSEEN), "picture": picture}


def features() -> Features:
    history = History(ids(2, 3, 5), torch.tensor([9, 8, 7]), torch.tensor([0, 1, 3]), 2)
    return Features({"user": torch.tensor([2, 3]), **ids(3, 6)}, history)


def projected(embeddings: FieldEmbeddings, item: int) -> torch.Tensor:
    return embeddings.frozen[0].weight @ torch.from_numpy(VECTORS[item].copy())


def test_an_item_is_its_trained_vector_beside_its_projected_frozen_one():
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    assert embeddings.item_width == 8
    table = embeddings.table(ITEM)
    target = embeddings.target(given)
    assert torch.equal(target[0, :4], table[3])
    torch.testing.assert_close(target[0, 4:], projected(embeddings, 3))
    every = embeddings(given)
    assert every.shape == (2, 3, 4)
    assert torch.equal(every[:, 1:].flatten(1), target)


def test_an_item_new_to_training_is_known_by_its_frozen_vector_alone():
    embeddings = FieldEmbeddings(SCHEMA, 4)
    target = embeddings.target(features())[1]
    assert not target[:4].any()
    torch.testing.assert_close(target[4:], projected(embeddings, 6))


def test_history_and_target_share_the_table_and_padding_is_zero():
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    padded = embeddings.history(given.history.recent(2))
    torch.testing.assert_close(padded[1, 1, 4:], projected(embeddings, 5))
    assert not padded[0, 1].any()
    assert not embeddings.items(ids(PADDING, UNSEEN)).any()
    target, events = embeddings.several(given.fields, given.history.fields)
    torch.testing.assert_close(target[0], events[1])


def test_training_moves_the_projection_and_never_the_vectors():
    before = VECTORS.copy()
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    (frozen,) = embeddings.frozen
    projection = frozen.weight.detach().clone()
    optimizer = torch.optim.Adam(embeddings.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        embeddings.jagged(given.history).square().sum().backward()
        optimizer.step()
    assert not torch.equal(frozen.weight, projection)
    assert not frozen.vectors.requires_grad
    assert np.array_equal(VECTORS, before)
    assert np.array_equal(frozen.vectors, before)


def test_vectors_are_neither_parameters_nor_state_but_saved_states_load(tmp_path):
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    shapes = {name: tuple(each.shape) for name, each in embeddings.state_dict().items()}
    assert shapes == {"tables.0": (4, 4), "tables.1": (4, 4), "frozen.0.weight": (4, 3)}
    other = FieldEmbeddings(SCHEMA, 4)
    save_checkpoint(embeddings, tmp_path / "model.safetensors")
    load_checkpoint(other, tmp_path / "model.safetensors")
    assert torch.equal(other(given), embeddings(given))


def test_vectors_are_not_copied_and_go_where_the_module_goes():
    one, other = FieldEmbeddings(SCHEMA, 4), FieldEmbeddings(SCHEMA, 2)
    places = {module.frozen[0].vectors.data_ptr() for module in (one, other)}
    assert places == {VECTORS.ctypes.data}
    assert one.double().frozen[0].vectors.dtype == torch.float64
    assert other.to("meta").frozen[0].vectors.device.type == "meta"
    assert torch.equal(copy.deepcopy(one)(features()), one(features()))


def test_projections_keep_lengths_unless_told_otherwise():
    vectors = np.random.default_rng(0).normal(size=(50, 32)).astype(np.float32)
    field = Field("picture", "item", 50, 32)
    schema = Schema((Field("item", "item", 4), field), vectors={"picture": vectors})
    torch.manual_seed(0)
    (found,) = FieldEmbeddings(schema, 256).vectors(field, torch.arange(50))
    assert found.norm(dim=1).mean().item() == pytest.approx(
        np.linalg.norm(vectors, axis=1).mean(), rel=0.05
    )
    assert not FieldEmbeddings(schema, 1, std=0.0).frozen[0].weight.any()


def test_products_with_rows_are_those_with_items():
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    query = torch.randn(2, embeddings.item_width)
    found, tables = embeddings.rows(query)
    assert [tuple(table.shape) for table in tables] == [(4, 4), (7, 3)]
    assert tables[0] is embeddings.table(ITEM)
    fields = (given.fields[field.name] for field in embeddings.item_fields)
    rows = torch.cat([table[each] for table, each in zip(tables, fields, strict=True)], 1)
    torch.testing.assert_close((found * rows).sum(1), (query * embeddings.target(given)).sum(1))


def test_excluded_vectors_leave_nothing_and_alone_they_serve():
    assert not FieldEmbeddings(SCHEMA, 4, exclude=("picture",)).frozen
    alone = FieldEmbeddings(SCHEMA, 4, exclude=("user", "item"))
    assert alone.profile(features()).shape == (2, 0)
    assert alone(features()).shape == (2, 1, 4)


def test_a_penalty_of_ids_is_of_trained_tables_alone():
    embeddings, given = FieldEmbeddings(SCHEMA, 4), features()
    penalty = MiniBatchAwareL2(embeddings)
    assert [field.name for field in penalty.fields] == ["user", "item"]
    penalty.count([given])
    bare = FieldEmbeddings(SCHEMA, 4, exclude=("picture",))
    bare.load_state_dict({n: v for n, v in embeddings.state_dict().items() if "frozen" not in n})
    assert torch.equal(penalty(embeddings, given), penalty(bare, given))


def test_schemas_differ_by_fields_and_not_by_vectors():
    assert Schema(SCHEMA.fields) == SCHEMA
    assert hash(Schema(SCHEMA.fields)) == hash(SCHEMA)
