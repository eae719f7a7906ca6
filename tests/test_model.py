import math

import pytest
import torch
import torch.nn.functional as F

from recbench.batch import Batch, EpisodeBatch, Features, History, MultiTaskBatch
from recbench.model import MetaModel, MultiTaskModel
from recbench.schema import Field, Schema
from recbench.testing.synthetic_tables import SCHEMA, random_batch


class Fixed(MultiTaskModel):
    def forward(self, features):
        return self.output


@pytest.fixture
def model():
    model = Fixed(SCHEMA, None)
    model.output = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    model.output.requires_grad_()
    return model


def batch(labels):
    return MultiTaskBatch(random_batch([0] * len(labels)).features, torch.tensor(labels))


NAN = math.nan
LABELS = [[1, 0, 2.5], [0, NAN, -1], [1, NAN, NAN], [0, 1, 0.5], [1, 1, NAN], [0, 0, NAN]]


def test_each_loss_is_the_mean_over_the_rows_that_have_the_label(model):
    found = model.losses(batch(LABELS))
    labels = torch.tensor(LABELS)
    expected = []
    for column, loss in enumerate(
        (F.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, F.mse_loss)
    ):
        kept = ~labels[:, column].isnan()
        expected.append(loss(model.output[kept, column], labels[kept, column]))
    torch.testing.assert_close(found, torch.stack(expected))
    torch.testing.assert_close(model.loss(batch(LABELS)), found.sum())


def test_a_missing_label_has_no_gradient_and_a_label_without_rows_no_loss(model):
    labels = [[1, NAN, NAN] for _ in range(6)]
    model.loss(batch(labels)).backward()
    assert model.losses(batch(labels))[1:].tolist() == [0, 0]
    assert model.output.grad[:, 0].all()
    assert not model.output.grad[:, 1:].any()


class Shifted(MetaModel):
    """Adds the mean label of the support."""

    def forward(self, features):
        return torch.zeros(len(features))

    def adapt(self, support):
        shift = support.labels.mean() if len(support) else 0.0
        return lambda features: self(features) + shift


def test_a_meta_model_answers_the_queries_of_each_episode_adapted_to_its_support():
    model = Shifted(Schema((Field("rating", "label", 0),)), None)
    offsets = torch.zeros(4, dtype=torch.int64)
    rows = Features({}, History({}, offsets[:0], offsets, 0))
    support = Batch(rows, torch.tensor([1.0, 3, 5]))
    batch = EpisodeBatch(rows, torch.tensor([2.0, 4, 7]), support, (0, 1, 3), (0, 2, 3))
    assert model.predict(batch.inputs).tolist() == [2, 5, 5]
    assert model.loss(batch).item() == (0 + (1 + 4) / 2) / 2  # the mean over episodes
