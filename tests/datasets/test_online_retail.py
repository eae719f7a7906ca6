import io

import numpy as np
import pytest
import rawfiles.online_retail

from recbench.datasets.online_retail import OnlineRetail
from recbench.errors import DataError

ITEMS = "StockCode,description,price,n,head,category\n"
ITEMS += 'A1,"BAG, RED",1.28,3,BAG,BAG\nB2,MUG,0.00,1,MUG,OTHER\n'
EVENTS = {
    "user_ids": np.array([12346, 12350], np.int32),
    "item_ids": np.array(["A1", "B2"]),
    "countries": np.array(["France", "Spain"]),
    "user": np.array([1, 0, 1, 1], np.uint16),
    "item": np.array([0, 1, 0, 1], np.uint16),
    "ts": np.array([100, 160, 220, 220], np.uint32),
    "country": np.array([1, 0, 0, 0], np.uint8),
}


def npz(**changed):
    file = io.BytesIO()
    np.savez(file, **(EVENTS | changed))
    return file.getvalue()


def test_lines_are_read_with_what_is_said_of_items_and_customers(read):
    log = read(OnlineRetail(), events=npz(), items=ITEMS)
    columns = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert columns == {
        "user": [0, 1, 1, 1],
        "item": [1, 0, 0, 1],
        "time": [160, 100, 220, 220],
        "positive": [True, True, False, True],
    }
    assert log.users.to_pylist() == [12346, 12350]
    fields = {name: values.to_pylist() for name, values in log.item_fields.items()}
    assert fields == {"category": ["BAG", "OTHER"], "price_band": [7, None]}
    assert log.user_fields["country"].to_pylist() == ["France", "Spain"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"user": np.array([1, 2, 0, 0])}, "'user' holds a place that 'user_ids' does not have"),
        ({"item": np.array([-1, 1, 0, 0])}, "'item' holds a place"),
        ({"ts": np.array([0.5, 1, 2, 3])}, "'ts' is not a whole number"),
        ({"country": np.array([0])}, "'country' is not a whole number for each of the lines"),
    ],
)
def test_arrays_that_do_not_fit_together_are_an_error(read, changed, why):
    with pytest.raises(DataError, match=rf"events\.npz is damaged.*{why}"):
        read(OnlineRetail(), events=npz(**changed), items=ITEMS)


def test_only_first_purchases_are_targets_of_new_items(prepare_drawn):
    every, new = (
        prepare_drawn(OnlineRetail(), rawfiles.online_retail, protocol).manifest.counts["train"]
        for protocol in ("time", "new")
    )
    assert 0 < new < every


@pytest.mark.data
@pytest.mark.parametrize("protocol", ["time", "new"])
def test_real_files_prepare_with_the_published_counts(prepare_real, protocol):
    prepared = prepare_real(OnlineRetail(), protocol)
    found = prepared.manifest.counts
    (published,) = OnlineRetail.card.counts
    assert {name: found[name] for name in published} == published
    assert prepared.manifest.leakage["test_before_train_end"] == 0
    about = prepared.manifest.characteristics["parts"]
    assert {part["label_rate"] for part in about.values()} == {0.5}
    assert about["train"]["history_length"]["0"] == 1
    assert about["test"]["history_length"]["0.5"] > 100
