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


def test_a_value_that_training_lacks_is_unseen():
    coded = encode(pa.array(["new", "b", "b", None, "a"]), renumber(IN_TRAIN))
    assert coded.values.to_pylist() == ["a", "b"]
    assert coded.size == FIRST_ID + 2
    by_id = [PADDING, UNSEEN, 3, UNSEEN, 2, UNSEEN, 3]  # raw numbers 1, 3, 4, then 0 and 2
    assert coded.ids.tolist() == by_id
