import math

import pytest
import torch
import torch.nn.functional as F

from recbench.batch import MultiTaskBatch
from recbench.model import MultiTaskModel
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
