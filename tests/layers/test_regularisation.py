from __future__ import annotations

import pytest
import torch

from recbench.batch import Features, History
from recbench.layers import FieldEmbeddings, MiniBatchAwareL2, mini_batch_aware_l2
from recbench.schema import Field, Schema


def test_golden_batch_and_its_gradient():
    weight = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([0, 2, 1, 5])
    penalty = mini_batch_aware_l2(weight, torch.tensor([1, 1, 2]), counts)
    expected = weight[1].square().sum() / 2 + weight[2].square().sum()
    torch.testing.assert_close(penalty, expected)
    penalty.backward()
    assert weight.grad is not None
    assert not weight.grad[3].any()
    torch.testing.assert_close(weight.grad[1], weight[1].detach())


def test_autocast_leaves_its_precision():
    weight, counts = torch.full((4, 3), 1.01), torch.tensor([1, 2, 1, 5])
    ids = torch.tensor([1, 2])
    expected = mini_batch_aware_l2(weight, ids, counts)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(mini_batch_aware_l2(weight, ids, counts), expected)


def test_an_epoch_of_distinct_batches_is_the_full_l2():
    weight = torch.randn(5, 2, dtype=torch.float64)
    batches = [torch.tensor(ids) for ids in ([0, 1, 2], [1, 3, 4], [2, 1], [4])]
    counts = torch.bincount(torch.cat(batches))
    total = sum(mini_batch_aware_l2(weight, batch, counts) for batch in batches)
    assert float(total) == pytest.approx(float(weight.square().sum()))


def features(item: list[int], events: list[int]) -> Features:
    n = len(events)
    history = History(
        {"item": torch.tensor(events)}, torch.zeros(n).long(), torch.tensor([0, n, n]), n
    )
    return Features({"hour": torch.tensor([2, 3]), "item": torch.tensor(item)}, history)


def test_counts_targets_and_history_anew_each_time():
    schema = Schema((Field("hour", "context", 4), Field("item", "item", 5)))
    embeddings = FieldEmbeddings(schema, 2)
    penalty = MiniBatchAwareL2(embeddings)
    batches = [features([2, 3], [3, 3]), features([3, 4], [2])]
    for _ in range(2):
        penalty.count(batches)
    assert penalty.get_buffer("counts_0").tolist() == [0, 0, 2, 2]
    assert penalty.get_buffer("counts_1").tolist() == [0, 0, 2, 4, 1]
    assert not penalty.state_dict()
    hour, item = (embeddings.table(field).detach().square().sum(1) for field in schema.fields)
    expected = hour[2] / 2 + hour[3] / 2 + item[2] / 2 + item[3] / 4 + item[4]
    torch.testing.assert_close(penalty(embeddings, batches[1]).detach(), expected)
