import json

import pytest

from recbench.data.protocol import PARTS
from recbench.datasets.amazon_sequences import AmazonBeauty, AmazonToys
from recbench.errors import DataError

ATTRIBUTES = json.dumps({"7": [1, 3], "8": [1, 4], "9": [2]})


def test_sequences_are_read_in_their_order(read):
    log = read(AmazonBeauty(), sequences="2 9 7\n1 8 7 8\n", attributes=ATTRIBUTES)
    found = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert found == {
        "user": [0, 0, 0, 1, 1],
        "item": [1, 0, 1, 2, 0],
        "time": [1, 2, 3, 1, 2],
        "positive": [True] * 5,
    }
    assert log.users.to_pylist() == [1, 2]
    assert log.items.to_pylist() == [7, 8, 9]
    assert log.item_fields["category"].to_pylist() == [3, 4, 2]


def test_a_line_that_holds_no_numbers_is_an_error_that_names_the_files(read):
    with pytest.raises(DataError, match=r"amazon-beauty: .*sequences\.txt.*not in the expected"):
        read(AmazonBeauty(), sequences="1 8 7\nsome text\n", attributes=ATTRIBUTES)


def test_attributes_that_are_no_json_are_an_error_that_names_the_file(read):
    with pytest.raises(DataError, match=r"item2attributes\.json is damaged"):
        read(AmazonBeauty(), sequences="1 8 7\n", attributes='{"7": [1,')


@pytest.mark.data
@pytest.mark.parametrize("protocol", ["sequences", "din"])
@pytest.mark.parametrize("dataset", [AmazonBeauty(), AmazonToys()], ids=["beauty", "toys"])
def test_real_files_prepare_with_the_published_counts(prepare_real, dataset, protocol):
    prepared = prepare_real(dataset, protocol)
    found = prepared.manifest.counts
    (published,) = dataset.card.counts
    assert {name: found[name] for name in published} == published
    users, interactions = published["users"], published["interactions"]
    sizes = [found[part] for part in PARTS]
    assert sizes == [2 * (interactions - 3 * users), 2 * users, 2 * users]
    assert prepared.manifest.leakage["known"] is False
    assert prepared.manifest.reports == []
    about = prepared.manifest.characteristics["parts"]
    assert {part["label_rate"] for part in about.values()} == {0.5}
    assert about["train"]["history_length"]["0"] == 1
