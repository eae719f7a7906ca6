from __future__ import annotations

import torch
from recbench_models.baselines.logistic_regression import (
    LogisticRegression,
    LogisticRegressionConfig,
)


def test_adds_one_weight_an_id_and_a_bias(schema, make_batch):
    model, features = (
        LogisticRegression(schema, LogisticRegressionConfig()),
        make_batch([1]).features,
    )
    assert model(features).tolist() == [0]
    expected = torch.tensor(0.5)
    with torch.no_grad():
        model.bias.fill_(0.5)
        for name, ids in features.fields.items():
            weight = model.weights.table(schema[name])
            weight.copy_(torch.randn_like(weight))
            expected = expected + weight[ids[0], 0]
    torch.testing.assert_close(model(features)[0], expected)
    assert sum(p.numel() for p in model.parameters()) == 10 + 30 + 7 + 1
