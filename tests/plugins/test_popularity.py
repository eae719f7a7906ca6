from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recbench_models.baselines.popularity import Popularity, PopularityConfig

from recbench.training import TrainingConfig, TrainingRun


def test_scores_are_the_logarithm_of_clicks_plus_one(schema, make_batch, tmp_path: Path):
    model, batch = Popularity(schema, PopularityConfig()), make_batch([0] * 4)
    fields = {**batch.features.fields, "item": torch.tensor([3, 3, 4, 5])}
    features = replace(batch.features, fields=fields)
    train = [replace(batch, features=features, labels=torch.tensor([1.0, 1.0, 1.0, 0.0]))] * 2
    run = TrainingRun(TrainingConfig(), tmp_path)
    for _ in range(2):  # a second fit starts anew
        result = model.fit(train, lambda model: {"auc": 0.75}, run)
    assert result.best == {"auc": 0.75}
    assert result.epochs == 1
    expected = [math.log(5), math.log(5), math.log(3), 0.0]
    assert model(features).tolist() == pytest.approx(expected)
    restored = Popularity(schema, PopularityConfig())
    restored.load_state_dict(model.state_dict())
    assert torch.equal(restored(features), model(features))


def test_an_item_never_seen_scores_zero(schema, make_batch):
    model = Popularity(schema, PopularityConfig())
    assert model(make_batch([0, 2]).features).tolist() == [0, 0]
