"""Models of item cold start, and the rows and episodes that they are asked about."""

from __future__ import annotations

from dataclasses import replace

import torch

from recbench.batch import Batch, EpisodeBatch
from recbench.schema import FIRST_ID
from recbench.testing.rows import take_batch
from recbench.testing.synthetic import random_batch
from recbench.testing.synthetic_episodes import SCHEMA

SMALL = {"use_user_id": True, "embedding_dim": 3, "mlp": (4,)}
LOGISTIC = {"backbone": "logistic-regression", "backbone_config": {}}


def build(kind, **options):
    """Return a model in float64, with a small backbone unless the options say another."""
    torch.manual_seed(0)
    return kind(SCHEMA, kind.Config(**{"backbone_config": SMALL, **options})).double().eval()


def rows(count=16, seed=0):
    """Return labelled rows of two events each."""
    batch = random_batch([2] * count, seed, unseen=0)
    return Batch(batch.features, batch.labels.double())


def of_items(batch, *items):
    """Return the batch with its rows cycling through the items."""
    ids = torch.tensor(items).repeat(len(batch))[: len(batch)]
    fields = {**batch.features.fields, "item": ids, "category": FIRST_ID + ids % 8}
    return replace(batch, features=replace(batch.features, fields=fields))


def episodes(seed=0):
    """Return two episodes of one item each, with 4 rows of support and 4 queries."""
    support, query = (of_items(rows(8, seed + part), 5, 6) for part in (0, 1))
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    support, query = take_batch(support, order), take_batch(query, order)
    return EpisodeBatch(query.features, query.labels, support, (0, 4, 8), (0, 4, 8))
