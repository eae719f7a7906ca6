from __future__ import annotations

import pytest
import torch

from recbench.batch import Reads
from recbench.schema import FIRST_ID, UNSEEN
from recbench.testing.synthetic import (
    CATEGORIES,
    SCHEMA,
    SyntheticSource,
    planted_batch,
    random_batch,
)

HISTORY = [Reads(), Reads(50), Reads(2), Reads(0, 50), Reads(1, 5)]


def test_a_random_batch_fits_its_schema():
    batch = random_batch()
    fields, history = batch.features.fields, batch.features.history
    assert set(fields) == {field.name for field in SCHEMA.of("user", "item")}
    assert set(history.fields) == {field.name for field in SCHEMA.of("item")}
    for ids_by_name in (fields, history.fields):
        for name, ids in ids_by_name.items():
            assert ids.dtype == torch.int64
            assert ids.min() >= UNSEEN
            assert ids.max() < SCHEMA[name].size
    assert history.lengths.tolist() == [5, 0, 1, 60, 3, 0, 2, 12]
    assert history.longest == 60
    assert set(batch.labels.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("batch", [random_batch(), planted_batch(20, Reads())])
def test_every_event_is_before_its_example_and_oldest_first(batch):
    history = batch.features.history
    for start, stop in zip(history.offsets[:-1], history.offsets[1:], strict=True):
        age = history.age[start:stop]
        assert (age > 0).all()
        assert (age.diff() < 0).all()


def test_unseen_is_a_share_from_none_to_all():
    none, all_ = (random_batch([5] * 50, unseen=share).features for share in (0, 1))
    some = random_batch([5] * 50, unseen=0.3).features.history.fields["item"]
    assert none.history.fields["item"].min() >= FIRST_ID
    for ids in (*all_.fields.values(), *all_.history.fields.values()):
        assert (ids == UNSEEN).all()
    assert 0.2 < (some == UNSEEN).double().mean() < 0.4


def test_a_seed_decides_a_batch():
    first, again, other = (random_batch(seed=seed) for seed in (1, 1, 2))
    ages = [batch.features.history.age for batch in (first, again, other)]
    assert torch.equal(ages[0], ages[1])
    assert not torch.equal(ages[0], ages[2])


@pytest.mark.parametrize("reads", HISTORY)
def test_the_label_is_whether_the_category_occurs_in_what_is_read(reads: Reads):
    batch = planted_batch(200, reads)
    history = batch.features.history
    assert history.longest == (2 if reads == Reads(2) else 4)
    for row, label in enumerate(batch.labels.tolist()):
        start, stop = history.offsets[row : row + 2]
        occurs = batch.features.fields["category"][row] in history.fields["category"][start:stop]
        assert occurs == label
    assert 0.4 < batch.labels.mean() < 0.6


@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_history_the_item_tells_the_label_and_its_category_does_not(seed: int):
    batch = planted_batch(400, Reads(recent=0), seed)
    item, category = (batch.features.fields[name] for name in ("item", "category"))
    expected = (item - FIRST_ID) // CATEGORIES % 2
    assert torch.equal(expected.float(), batch.labels)
    for each in category.unique():
        assert 0.2 < batch.labels[category == each].mean() < 0.8


def test_a_source_passes_over_every_example_once_in_an_order_of_the_epoch():
    source = SyntheticSource(planted_batch(50, Reads()), 20)
    passes = {
        name: torch.cat([batch.features.fields["item"] for batch in batches])
        for name, batches in {
            "stored": source, "first": source.epoch(1), "again": source.epoch(1),
            "second": source.epoch(2),
        }.items()
    }  # fmt: skip
    stored = source.batch.features.fields["item"]
    assert [len(batch) for batch in source] == [20, 20, 10]
    assert source.examples == 50
    assert torch.equal(passes["stored"], stored)
    assert torch.equal(passes["first"], passes["again"])
    assert not torch.equal(passes["first"], passes["second"])
    for order in ("first", "second"):
        assert torch.equal(passes[order].sort().values, stored.sort().values)
