from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from recbench import CTRModel
from recbench.batch import CTRBatch, Features, History
from recbench.schema import Field, Schema
from recbench.training import TrainingConfig, TrainingRun

SCHEMA = Schema((Field("user", "user", 4), Field("item", "item", 12), Field("click", "label", 2)))


@dataclass(frozen=True)
class NoConfig:
    pass


class Weights(CTRModel):
    """One weight for each item."""

    api = 1
    Config = NoConfig

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__(SCHEMA, NoConfig())
        self.weights = nn.Embedding(12, 1)
        nn.init.zeros_(self.weights.weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Features) -> torch.Tensor:
        return self.dropout(self.weights(features.fields["item"])).squeeze(1)


class Examples:
    """Items below 6 are clicked nine times in ten, the others once in ten."""

    examples = 240
    batch_size = 32

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.item = random.integers(12, size=self.examples)
        self.label = (random.random(self.examples) < np.where(self.item < 6, 0.9, 0.1)) * 1.0

    @property
    def batches(self):
        return -(-self.examples // self.batch_size)

    def __iter__(self) -> Iterator[CTRBatch]:
        return self._pass(np.arange(self.examples))

    def epoch(self, number: int, skip: int = 0) -> Iterator[CTRBatch]:
        order = np.random.default_rng(number).permutation(self.examples)
        return self._pass(order[skip * self.batch_size :])

    def _pass(self, order: np.ndarray) -> Iterator[CTRBatch]:
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            fields = {
                "user": torch.ones(len(rows), dtype=torch.int64),
                "item": torch.from_numpy(self.item[rows]),
            }
            none = torch.zeros(0, dtype=torch.int64)
            offsets = torch.zeros(len(rows) + 1, dtype=torch.int64)
            history = History({"item": none}, none, offsets, 0)
            labels = torch.tensor(self.label[rows], dtype=torch.float32)
            yield CTRBatch(Features(fields, history), labels)


@pytest.fixture
def examples() -> Examples:
    return Examples()


@pytest.fixture
def make_model():
    """Return a function that makes the model."""
    return Weights


@pytest.fixture
def make_run(tmp_path):
    """Return a function that makes a run with the given configuration, in a folder of its own."""
    folders = map(str, count())

    def make(**config) -> TrainingRun:
        settings = TrainingConfig(**{"epochs": 3, "learning_rate": 0.1} | config)
        return TrainingRun(settings, tmp_path / next(folders))

    return make
