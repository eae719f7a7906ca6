"""What one training is given, and what it gives back."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path

import numpy as np
import torch

from recbench.errors import PluginError, UsageError
from recbench.progress import SILENT, Progress
from recbench.training.config import TrainingConfig

CHECKPOINT_SECONDS = "RECBENCH_CHECKPOINT_SECONDS"
"""The variable that says how often a checkpoint is taken within an epoch."""


def checkpoint_seconds() -> float:
    """Return the seconds between two checkpoints within an epoch, 120 unless the variable is set.

    Raises:
        UsageError: If it is set to anything but a number of 0 or more.
    """
    text = os.environ.get(CHECKPOINT_SECONDS) or "120"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise UsageError(f"{CHECKPOINT_SECONDS} is '{text}'; give a number of seconds, 0 or more")
    return seconds


@dataclass(frozen=True)
class TrainingRun:
    """What one training needs besides model and data.

    Attributes:
        config: The settings.
        folder: Where the state is kept until the run ends; a training that finds one of its own
            there goes on from it.
        device: Where the model is and batches go.
        progress: Who is told how it goes.
        key: What tells the run from all with other results, where it is known.
        checkpoint_seconds: Time between two checkpoints within an epoch; no result depends on it.
    """

    config: TrainingConfig
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = SILENT
    key: str = ""
    checkpoint_seconds: float = field(default_factory=checkpoint_seconds)

    def stage(self, name: str, config: TrainingConfig | None = None) -> TrainingRun:
        """Return what one of several trainings needs that a model's `fit` is made of.

        Each must have a name of its own, so that an interrupted `fit` finds what it has done.

        Args:
            name: The stage's name, as a folder may have.
            config: Its settings, where they are not those of the run.
        """
        return replace(self, config=config or self.config, folder=self.folder / name)


@dataclass(frozen=True)
class FitResult:
    """What training did.

    Attributes:
        epochs: Passes made over the training part.
        best: Validation scores of the state that was kept.
        curve: For each epoch, its number, mean training loss, seconds and validation scores.
        samples_per_second: Training speed over all epochs, validation excluded; 0 if unknown.
        earlier_seconds: Time that sittings before this one took for what they had kept.
    """

    epochs: int
    best: dict[str, float]
    curve: list[dict[str, float]]
    samples_per_second: float = 0.0
    earlier_seconds: float = 0.0


def fit_result(returned: object, model: str) -> FitResult:
    """Return what a model's `fit` returned, with numbers of NumPy and torch as plain ones.

    Args:
        returned: What it returned.
        model: The model's name, for errors.

    Raises:
        PluginError: If it is no `FitResult`, or holds something else than numbers.
    """
    asked = "it must return recbench.FitResult(epochs, best, curve)"
    if not isinstance(returned, FitResult):
        raise PluginError(f"{model}: fit returned {_shown(returned)}; {asked}")
    try:
        if not isinstance(returned.curve, list | tuple):
            raise ValueError(f"curve is {_shown(returned.curve)}, and no list")
        return FitResult(
            _whole(returned.epochs, "epochs"),
            _numbers(returned.best, "best"),
            [_numbers(each, f"curve[{place}]") for place, each in enumerate(returned.curve)],
            _number(returned.samples_per_second, "samples_per_second"),
            _number(returned.earlier_seconds, "earlier_seconds"),
        )
    except ValueError as error:
        raise PluginError(f"{model}: of what fit returned, {error}; {asked}") from error


def _numbers(value: object, where: str) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{where} is {_shown(value)}, and no mapping of names to numbers")
    return {name: _number(each, f"{where}['{name}']") for name, each in value.items()}


def _whole(value: object, where: str) -> int:
    number = _number(value, where)
    if not number.is_integer():
        raise ValueError(f"{where} is {number}, and no whole number")
    return int(number)


def _number(value: object, where: str) -> float:
    number = value
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        number = value.item()
    if not isinstance(number, Real):
        raise ValueError(f"{where} is {_shown(value)}, and no number")
    return float(number)


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:40]}... ({type(value).__name__})"
