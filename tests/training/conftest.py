from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn
from training.breaking import Breaking, BrokenOff

from recbench import CTRModel
from recbench.batch import CTRBatch, Features, History
from recbench.schema import Field, Schema
from recbench.training import TrainingConfig, TrainingRun, fit
from recbench.training.random_state import random_state

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


@pytest.fixture
def make_noisy(make_model):
    """Return a function that makes a model that draws from every generator, and counts steps."""

    class Noisy(make_model):
        def __init__(self):
            torch.manual_seed(3)
            random.seed(3)
            np.random.seed(3)
            super().__init__(dropout=0.3)
            self.linear = nn.Linear(2, 3)
            self.turned = nn.Parameter(torch.rand(4, 3).T)  # in memory, columns first
            self.again = nn.Linear(2, 3)
            self.again.weight = self.linear.weight
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

        def forward(self, features):
            out = super().forward(features)
            return out + self.turned[:, features.fields["item"] % 4].sum(0)

        def loss(self, batch):
            self.steps += 1
            noise = random.gauss(0, 1) + np.random.standard_normal() + torch.rand(2)
            kept = (self.linear(noise) + self.again(noise)).square().mean()
            return super().loss(batch) + kept / self.steps

    return Noisy


@pytest.fixture
def validate(examples):
    """Validation that tells a better state from a worse one, and draws at random as well."""

    @torch.no_grad()
    def score(model):
        model.eval()
        torch.rand(1)
        return {"auc": float(model.weights.weight[:6].sum() - model.turned.square().sum())}

    return score


@pytest.fixture
def outcome(make_noisy, examples, validate):
    """Return a function that trains with breaks and returns all that is to be the same."""

    def train(run: TrainingRun, breaks=()):
        for left in breaks:
            with suppress(BrokenOff):
                fit(make_noisy(), Breaking(examples, left), validate, run)
        model = make_noisy()
        result = fit(model, examples, validate, run)
        curve = [{**row, "seconds": 0} for row in result.curve]
        return (
            curve,
            result.best,
            result.epochs,
            model.state_dict(),
            random_state(torch.device("cpu")),
        )

    return train
