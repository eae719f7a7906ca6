import numpy as np
import pytest

from recbench.errors import UsageError
from recbench.schema import Field, Schema

SCHEMA = Schema(
    (
        Field("user", "user", 10),
        Field("item", "item", 20),
        Field("hour", "context", 26),
        Field("category", "item", 5),
        Field("click", "label", 2),
        Field("buy", "label", 2),
    )
)


def test_fields_are_found_by_role_in_schema_order():
    assert [field.name for field in SCHEMA.of("item")] == ["item", "category"]
    assert [field.name for field in SCHEMA.of("item", "user")] == ["user", "item", "category"]
    assert SCHEMA.labels == ("click", "buy")


def test_fields_are_found_by_name():
    assert SCHEMA["hour"].size == 26
    assert "hour" in SCHEMA
    assert "day" not in SCHEMA


def test_an_unknown_field_is_an_error_that_names_the_known_ones():
    expected = "no field 'day'; it has: user, item, hour, category, click, buy"
    with pytest.raises(UsageError, match=expected):
        SCHEMA["day"]


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two fields are called 'age'; give each a name of its"):
        Schema((Field("age", "user", 9), Field("item", "item", 20), Field("age", "item", 4)))


def test_numbers_are_the_context_fields_without_ids():
    fields = (Field("age", "context", 0), Field("hour", "context", 26), Field("wage", "label", 0))
    schema = Schema((*fields, Field("weight", "context", 0)))
    assert schema.numbers == ("age", "weight")
    assert SCHEMA.numbers == ()


def test_items_may_have_vectors_and_a_schema_is_the_same_whatever_they_are():
    fields = (Field("item", "item", 4), Field("picture", "item", 4, width=2))
    bare, full = Schema(fields), Schema(fields, vectors={"picture": np.ones((4, 2), np.float32)})
    assert bare.vector_fields == full.vector_fields == ("picture",)
    assert SCHEMA.vector_fields == ()
    assert bare == full
    assert "vectors" not in repr(full)
