"""The made-up tables, and a fault that only numbers can show."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from recbench import MultiTaskModel, Reads
from recbench.schema import UNSEEN
from recbench.testing import CheckFailure, check_model
from recbench.testing.synthetic_tables import SCHEMA, opposite, planted_batch, random_batch


def test_a_batch_has_a_row_for_each_length_and_labels_of_which_some_are_missing():
    batch = random_batch([3, 0, 7] * 30)
    assert len(batch) == 90
    assert batch.labels.shape == (90, 3)
    assert 0.1 < batch.labels.isnan().double().mean() < 0.3
    assert not batch.features.history.lengths.any()
    assert batch.features.numbers.shape == (90, len(SCHEMA.numbers))


def test_unseen_rows_have_no_known_category_and_no_number():
    features = random_batch([0] * 20, unseen=1).features
    assert all((ids == UNSEEN).all() for ids in features.fields.values())
    assert not features.numbers.any()


def test_the_planted_rule_is_in_the_features():
    batch = planted_batch(500, Reads(), 3)
    colour, numbers = batch.features.fields["colour"], batch.features.numbers
    price = numbers[:, 0] + colour % 2 - 0.5
    torch.testing.assert_close(batch.labels[:, 2], price)
    assert ((price > 0) == batch.labels[:, 0].bool()).all()
    assert 0.4 < batch.labels[:, 1].mean() < 0.6


def test_opposite_labels_are_other_ones_and_missing_ones_stay():
    labels = torch.tensor([[0.0, 1.0, 2.5], [torch.nan, 1.0, torch.nan]])
    found = opposite(labels)
    assert found[0].tolist() == [1, 0, -1.5]
    assert torch.equal(found.isnan(), labels.isnan())


@dataclass(frozen=True)
class NoOptions:
    pass


class Linear(MultiTaskModel):
    """Sound, but for numbers that it changes where the class says so."""

    api = 1
    Config = NoOptions
    careless = False

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(field.size, 3) / 10)
            for field in schema.of("context")
            if field.size
        )
        self.layer = nn.Linear(len(schema.numbers), 3)

    def forward(self, features):
        numbers = features.numbers
        if self.careless:
            numbers.clamp_(-1, 1)
        found = self.layer(numbers)
        names = (field.name for field in self.schema.of("context") if field.size)
        for name, weight in zip(names, self.weights, strict=True):
            found = found + weight[features.fields[name]]
        return found


def test_a_linear_model_passes():
    check_model(Linear)


def test_numbers_changed_in_place_are_found():
    careless = type("Careless", (Linear,), {"careless": True})
    with pytest.raises(CheckFailure, match=r"check_inputs_are_kept: .*changes features\.numbers"):
        check_model(careless)
