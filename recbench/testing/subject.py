"""What is under test: a model class with a configuration."""

from __future__ import annotations

import copy
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from recbench.batch import Batch, Features
from recbench.model import Model
from recbench.pipeline import seed_everything
from recbench.testing.made_up import MADE_UP, MadeUp
from recbench.training import TrainingConfig, TrainingRun

SEED = 0
BRIEF = TrainingConfig(epochs=1, batch_size=32, learning_rate=0.01, schedule="constant")
"""Settings that bring a model out of its initial state, in which much may still be zero."""
BRIEF_EXAMPLES = 128


class Subject:
    """A model class and a configuration of it.

    Every model it returns is new, and comes with all random generators freshly seeded.
    """

    def __init__(self, model: type[Model], config: Any = None) -> None:
        """Name what is under test; `config` is the class's default one if None."""
        self.model = self.plugin = model
        self.config = config

    def __str__(self) -> str:
        """Return the class's name, with what in its configuration differs from the defaults."""
        if self.config is None:
            return self.model.__name__
        values = ((each, getattr(self.config, each.name)) for each in fields(self.config))
        changed = [f"{each.name}={value}" for each, value in values if value != each.default]
        return f"{self.model.__name__}({', '.join(changed)})" if changed else self.model.__name__

    def build(self, seed: int = SEED) -> Model:
        """Return the model in its initial state."""
        config = self.model.Config() if self.config is None else self.config
        seed_everything(seed)
        return self.model(self.data.schema, config)

    @property
    def data(self) -> MadeUp:
        """The made-up data of the model's task."""
        return MADE_UP[self.model.task.name]

    def fit(self, training: TrainingConfig, examples: int) -> Model:
        """Return the model after its own `fit` on a planted signal."""
        model = self.build()
        train = self.data.planted(examples, model.reads, 1)
        valid = self.data.planted(examples, model.reads, 2)

        def validate(candidate: Model) -> dict[str, float]:
            return {primary(candidate): score(candidate, valid)}

        with TemporaryDirectory() as folder:
            source = self.data.source(train, training.batch_size)
            model.fit(source, validate, TrainingRun(training, Path(folder)))
        return model

    def trained(self) -> Model:
        """Return the model after a brief training."""
        model = copy.deepcopy(self._trained)
        seed_everything(SEED)
        return model

    @cached_property
    def _trained(self) -> Model:
        return self.fit(BRIEF, BRIEF_EXAMPLES)


@torch.inference_mode()
def predict(model: Model, features: Features) -> Tensor:
    """Return the output of a model in evaluation mode, as the harness asks for it."""
    model.eval()
    output: Tensor = model(features)
    return output


def primary(model: Model) -> str:
    """Return the name of the score that matters most for the model's task."""
    return model.task.scores(model.schema)[0]


def score(model: Model, batch: Batch) -> float:
    """Return the model's score on a batch, by the primary metric of its task."""
    model.eval()
    with torch.no_grad():
        output = model.predict(batch.inputs)
    kept = model.task.predictions(output, batch.labels, model.schema)
    one = torch.zeros(len(batch), dtype=torch.int64)  # of cold start, all have one state
    columns = {**batch.features.fields, "state": one, "label": batch.labels, **kept}
    rows = {name: column.numpy() for name, column in columns.items()}
    return model.task.judge(rows, model.schema)[primary(model)]
