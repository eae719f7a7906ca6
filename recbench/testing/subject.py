"""What is under test: a model class with a configuration."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from recbench.batch import Batch, Features
from recbench.model import Model
from recbench.progress import Bar, Progress
from recbench.seeding import seed_everything
from recbench.testing.made_up import MADE_UP, MadeUp
from recbench.training import TrainingConfig, TrainingRun, fit_result

SEED = 0
BRIEF = TrainingConfig(epochs=1, batch_size=32, learning_rate=0.01, schedule="constant")
"""Settings that bring a model out of its initial state, in which much may still be zero."""
BRIEF_EXAMPLES = 128


class BrokenOff(BaseException):
    """A training was broken off on purpose; no model is to catch it."""


class BreakOff(Progress):
    """Breaks a training off after so many batches."""

    def __init__(self, batches: int) -> None:
        self._left = batches

    @contextmanager
    def bar(self, label: str, total: float, unit: str) -> Iterator[Bar]:
        """Count batches while the body runs."""
        progress = self

        class Counting(Bar):
            def advance(self, amount: float, **figures: float) -> None:
                progress._left -= 1
                if not progress._left:
                    raise BrokenOff

        yield Counting()


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

    def fit(self, training: TrainingConfig, examples: int, breaks: Sequence[int] = ()) -> Model:
        """Return the model after its own `fit` on a planted signal.

        Args:
            training: The settings.
            examples: Training examples, and as many to validate on.
            breaks: For each sitting before the last, after how many batches it is broken off. The
                next one goes on from the last batch, with a new model.
        """
        with TemporaryDirectory() as folder:
            run = TrainingRun(training, Path(folder))
            for batches in breaks:
                with suppress(BrokenOff):
                    sitting = replace(run, progress=BreakOff(batches), checkpoint_seconds=0)
                    self._fit(sitting, examples)
            return self._fit(run, examples)

    def _fit(self, run: TrainingRun, examples: int) -> Model:
        model = self.build()
        train = self.data.planted(examples, model.reads, 1)
        valid = self.data.planted(examples, model.reads, 2)

        def validate(candidate: Model) -> dict[str, float]:
            return {primary(candidate): score(candidate, valid)}

        source = self.data.source(train, run.config.batch_size)
        fit_result(model.fit(source, validate, run), type(model).__name__)
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
