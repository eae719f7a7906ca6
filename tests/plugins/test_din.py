from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from recbench_models.sequence.din import DIN, DINConfig

from recbench.model import Model
from recbench.training import TrainingConfig, TrainingRun


def build(schema, **options) -> DIN:
    torch.manual_seed(0)
    return DIN(schema, DINConfig(**options)).double().eval()


def test_the_order_of_events_does_not_matter(schema, make_batch):
    model, features = build(schema), make_batch([6, 3]).features
    order = torch.tensor([5, 2, 0, 1, 4, 3, 8, 6, 7])
    fields = {name: ids[order] for name, ids in features.history.fields.items()}
    permuted = replace(features, history=replace(features.history, fields=fields))
    torch.testing.assert_close(model(permuted), model(features))


def test_interest_depends_on_the_target(schema, make_batch):
    model, features = build(schema), make_batch([4]).features
    history = features.history.recent(4)
    target, events = model.embeddings.several(features.fields, history.fields)
    interest = model.attention(target, events, history.lengths)
    other = model.attention(target + 1, events, history.lengths)
    assert not torch.allclose(interest, other, rtol=0.01)


class Batches(list):
    """A training source of fixed batches."""

    examples, batches = 6, 2

    def epoch(self, number: int, skip: int = 0) -> list:
        return self[skip:]


def test_mini_batch_aware_l2_is_half_lambda_times_the_penalty(schema, make_batch, tmp_path: Path):
    batches = Batches([make_batch([3, 1, 0], seed) for seed in (0, 1)])
    model = DIN(schema, DINConfig(mba_l2=0.4))
    run = TrainingRun(TrainingConfig(epochs=1), tmp_path)
    result = model.fit(batches, lambda model: {"auc": 0.5}, run)
    assert result.epochs == 1
    batch = batches[0]
    plain = F.binary_cross_entropy_with_logits(model(batch.features), batch.labels)
    expected = torch.zeros(())
    for field in model.embeddings.fields:
        ids = [
            torch.cat([b.features.fields[field.name], b.features.history.fields[field.name]])
            for b in batches
        ]
        counts = torch.cat(ids).bincount(minlength=field.size)
        norms = model.embeddings.table(field).square().sum(1)
        expected = expected + sum(norms[i] / counts[i] for i in ids[0].unique())
    torch.testing.assert_close(model.loss(batch) - plain, 0.2 * expected)


def test_without_it_the_training_part_is_not_counted(schema, make_batch, tmp_path: Path):
    class Uncountable(Batches):
        def __iter__(self):
            raise AssertionError("an extra pass over the data")

        def epoch(self, number: int, skip: int = 0) -> list:
            return [self[0]][skip:]

    def validate(model: Model) -> dict[str, float]:
        return {"auc": 0.5}

    train = Uncountable([make_batch([3, 1, 0])])
    DIN(schema, DINConfig()).fit(train, validate, TrainingRun(TrainingConfig(epochs=1), tmp_path))
