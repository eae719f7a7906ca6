import dataclasses
import json

import numpy as np
import pytest
import rawfiles.amazon_reviews
import rawfiles.amazon_sequences

from recbench.data.protocol import PARTS
from recbench.datasets.amazon_electronics_x1 import AmazonElectronicsX1
from recbench.datasets.amazon_records import parse_item, parse_review
from recbench.datasets.amazon_reviews import AmazonBooks, AmazonElectronics
from recbench.datasets.amazon_sequences import AmazonBeauty, AmazonToys

META = """{'asin': 'B1', 'categories': [['Books', 'Fiction'], ['X']], 'price': 1.5, 'brand': 'Tor'}
{'asin': 'B0', 'title': "It's", 'categories': [[]], 'price': 8.0, 'brand': ''}
{'asin': 'C9', 'categories': [['Books', 'Never reviewed']]}
"""


def review(user, item, day, **further):
    record = {"reviewerID": user, "asin": item, "unixReviewTime": day * 86_400, **further}
    return json.dumps(record) + "\n"


def test_reviews_are_read_with_the_last_of_the_first_categories(read):
    reviews = review("A2", "B1", 5) + review("A1", "B1", 3) + review("A1", "B0", 3, overall=1.0)
    log = read(AmazonBooks(), reviews=reviews, meta=META)
    found = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert found == {
        "user": [0, 0, 1],
        "item": [1, 0, 1],  # a user's reviews of one day in the order of the file
        "time": [3 * 86_400, 3 * 86_400, 5 * 86_400],
        "positive": [True] * 3,
    }
    assert log.users.to_pylist() == ["A1", "A2"]
    assert log.items.to_pylist() == ["B0", "B1"]
    fields = {name: values.to_pylist() for name, values in log.item_fields.items()}
    assert fields == {"category": [None, "Fiction"], "brand": [None, "Tor"], "price": [3, 0]}
    assert log.rejected.count == 0


def test_malformed_lines_of_both_files_are_located(read):
    reviews = review("A1", "B1", 1) + '{"asin": "B1"}\n{"asin":\n' + "[" * 100_000 + "\n"
    dataset = AmazonBooks()
    dataset.card = dataclasses.replace(dataset.card, max_rejected=1)
    log = read(dataset, reviews=reviews, meta=META + "print('no')\n")
    assert log.rejected.count == 4
    found = [each.rpartition("/")[2] for each in log.rejected.examples]
    assert found[0].startswith("meta_Books.json:4: ")
    assert found[1] == "reviews_Books_5.json:2: 'reviewerID' is missing"
    assert found[2].startswith("reviews_Books_5.json:3: Expecting value")
    assert found[3] == "reviews_Books_5.json:4: nested too deeply"


@pytest.mark.parametrize(
    "line",
    [
        "{'asin': 'B1', 'categories': open('x')}",
        "{'asin': 'B1', 'categories': 'Books'}",
        "{'asin': 'B1', 'categories': [['Books'], 'Other']}",
        "{'asin': 'B1', 'categories': [[7]]}",
        "{'asin': 7}",
        "{'asin': 'B1', 'brand': 7}",
        "{'asin': 'B1', 'price': '9.99'}",
        "{'asin': 'B1', 'price': -1.5}",
        "{'asin': 'B1', 'price': 1e999}",
        "{'asin': 'B1', 'price': True}",
        "{'title': 'none'}",
        "['asin']",
        "{'asin': 'B1'",
        "-" * 100_000 + "1",
        "1" + "+1" * 50_000,
        "[" * 1_000,
        "",
    ],
)
def test_lines_of_items_that_are_none_are_malformed_and_never_run(line):
    with pytest.raises(ValueError, match="."):
        parse_item(line)


@pytest.mark.parametrize("time", ['"1"', "true", "1.5", "-1", "9" * 30, "null"])
def test_times_that_are_no_seconds_are_malformed(time):
    with pytest.raises(ValueError, match="unixReviewTime"):
        parse_review(f'{{"reviewerID": "A", "asin": "B", "unixReviewTime": {time}}}')
    with pytest.raises(ValueError, match="surrogates"):
        parse_review('{"reviewerID": "\\ud800", "asin": "B", "unixReviewTime": 1}')


def test_the_log_with_coded_ids_is_read(read):
    text = "user_id,item_id,time,cate_id\n0,13179,1400457600,584\n0,7,1400457600,339\n"
    log = read(AmazonElectronics(), encoded=text)
    assert log.items.to_pylist() == [7, 13179]
    assert log.item_fields["category"].to_pylist() == [339, 584]


@pytest.mark.data
def test_the_real_sample_with_coded_ids_is_read(read, raw_data):
    sample = raw_data / "format-samples/amazon-electronics__amazon_electronics_sample.csv"
    log = read(AmazonElectronics(), encoded=sample.read_bytes())
    assert len(log.spool.columns["user"]) == 100
    assert log.rejected.count == 0


@pytest.mark.parametrize(
    ("dataset", "source", "din"),
    [
        (AmazonElectronics(), rawfiles.amazon_reviews, "din"),
        (AmazonBooks(), rawfiles.amazon_reviews, "din"),
        (AmazonBeauty(), rawfiles.amazon_sequences, "din-reviews"),
        (AmazonToys(), rawfiles.amazon_sequences, "din-reviews"),
    ],
    ids=["electronics", "books", "beauty", "toys"],
)
def test_din_and_dien_have_the_papers_numbers_of_rows(prepare_drawn, dataset, source, din):
    prepared = prepare_drawn(dataset, source, din)
    found = prepared.manifest.counts
    reviews, users = found["interactions"], found["users"]
    assert prepared.manifest.reports == []
    rows = {part: found[part] for part in PARTS}
    assert rows == {"train": 2 * (reviews - 3 * users), "valid": 2 * users, "test": 2 * users}
    about = prepare_drawn(dataset, source, "dien").manifest
    assert [about.counts[part] for part in PARTS] == [2 * 48, 2 * 6, 2 * 6]
    assert about.characteristics["parts"]["test"]["unseen_users"] == 1
    assert about.characteristics["parts"]["train"]["history_length"]["0"] >= 4


def test_brand_and_price_are_inputs_but_where_the_papers_do_without(prepare_drawn):
    fields = {
        protocol: [
            each.name
            for each in prepare_drawn(
                AmazonBooks(), rawfiles.amazon_reviews, protocol
            ).schema.fields
            if each.role == "item"
        ]
        for protocol in AmazonBooks.card.protocols
    }
    assert fields == {
        "time": ["item", "category", "brand", "price"],
        "din": ["item", "category"],
        "dien": ["item", "category"],
    }


def test_of_electronics_these_are_the_2_608_764_and_384_806_of_the_paper():
    """So many rows train (here with validation) and test, of as many reviews as the card says."""
    (counts,) = AmazonElectronics.card.counts
    reviews, users = counts["interactions"], counts["users"]
    assert (2 * (reviews - 2 * users), 2 * users) == (2_608_764, 384_806)
    (rows,) = AmazonElectronicsX1.card.counts
    assert rows == {"targets": 2 * (reviews - users)}


def test_by_time_no_review_of_the_targets_day_is_history(prepare_drawn):
    prepared = prepare_drawn(AmazonElectronics(), rawfiles.amazon_reviews, "time")
    assert prepared.manifest.leakage["test_before_train_end"] == 0
    assert np.isin(prepared.part("train").labels, (0, 1)).all()
    encoded = prepare_drawn(AmazonElectronics(), rawfiles.amazon_reviews, "encoded").manifest
    assert encoded.counts == prepared.manifest.counts
