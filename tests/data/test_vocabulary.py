import numpy as np
import pyarrow as pa

from recbench.data.vocabulary import encode, renumber
from recbench.schema import FIRST_ID, PADDING, UNSEEN

IN_TRAIN = np.array([False, True, False, True, True])


def test_what_training_contains_comes_first_and_keeps_its_order():
    renumbering = renumber(IN_TRAIN)
    assert renumbering.order.tolist() == [1, 3, 4, 0, 2]
    assert renumbering.ids[renumbering.order].tolist() == [2, 3, 4, 5, 6]
    assert renumbering.size == FIRST_ID + 3


def test_what_is_to_be_learnt_comes_after_training_and_no_value_is_fitted_on_it():
    learnt = np.array([False, False, True, False, False])
    renumbering = renumber(IN_TRAIN, learnt)
    assert renumbering.order.tolist() == [1, 3, 4, 2, 0]
    assert (renumbering.size, renumbering.fitted) == (FIRST_ID + 4, 3)
    coded = encode(pa.array(["d", "b", "c", None, "a"]), renumbering)
    assert coded.values.to_pylist() == ["a", "b"]
    assert coded.ids.tolist() == [PADDING, UNSEEN, 3, UNSEEN, 2, UNSEEN, UNSEEN]


def test_a_field_that_needs_no_value_has_padding_where_there_is_none():
    coded = encode(pa.array(["new", "b", None, None, "a"]), renumber(IN_TRAIN), missing=PADDING)
    assert coded.ids.tolist() == [PADDING, UNSEEN, 3, PADDING, 2, UNSEEN, PADDING]


def test_a_value_that_training_lacks_is_unseen():
    coded = encode(pa.array(["new", "b", "b", None, "a"]), renumber(IN_TRAIN))
    assert coded.values.to_pylist() == ["a", "b"]
    assert coded.size == FIRST_ID + 2
    by_id = [PADDING, UNSEEN, 3, UNSEEN, 2, UNSEEN, 3]  # raw numbers 1, 3, 4, then 0 and 2
    assert coded.ids.tolist() == by_id
