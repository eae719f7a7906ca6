"""`fit`, the one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from recbench.batch import Batch, EpisodeBatch
from recbench.errors import TrainingError, unknown_name
from recbench.metrics import METRICS, metric_of
from recbench.progress import SILENT, Progress
from recbench.training.checkpoint import load_checkpoint, save_checkpoint
from recbench.training.config import TrainingConfig
from recbench.training.optimizer import Scheduler, make_optimizer, make_scheduler

if TYPE_CHECKING:
    from recbench.model import Model

LOSS_CHECK_STEPS = 50
"""Steps between two looks at the loss; each look makes the host wait for the device."""


MOST_SCORES = 6
"""Scores that the line of an epoch shows."""


class Source(Protocol):
    """Training examples, in batches."""

    @property
    def examples(self) -> int:
        """Number of examples in one pass."""

    @property
    def batches(self) -> int:
        """Number of batches in one pass."""

    def __iter__(self) -> Iterator[Batch]:
        """Pass over all examples in stored order."""

    def epoch(self, number: int) -> Iterator[Batch]:
        """Pass over all examples in the order of epoch `number`."""


class EpisodeSource(Source, Protocol):
    """Training episodes, in batches; examples are their queries."""

    @property
    def rows(self) -> Source:
        """All examples of the training part one by one, whether an episode has them or not."""

    def batched(self, episodes: int) -> EpisodeSource:
        """Return the same with so many episodes a batch."""

    def __iter__(self) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in stored order."""

    def epoch(self, number: int) -> Iterator[EpisodeBatch]:
        """Pass over all episodes in the order of epoch `number`."""


@dataclass(frozen=True)
class TrainingRun:
    """What one training needs besides model and data.

    Attributes:
        config: The settings.
        folder: Where the best state is kept until training ends.
        device: Where the model is and batches go.
        progress: Who is told how it goes.
    """

    config: TrainingConfig
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = SILENT


@dataclass(frozen=True)
class FitResult:
    """What training did.

    Attributes:
        epochs: Passes made over the training part.
        best: Validation scores of the state that was kept.
        curve: For each epoch, its number, mean training loss, seconds and validation scores.
        samples_per_second: Training speed over all epochs, validation excluded; 0 if unknown.
    """

    epochs: int
    best: dict[str, float]
    curve: list[dict[str, float]]
    samples_per_second: float = 0.0


def fit(
    model: Model,
    train: Source,
    validate: Callable[[Model], dict[str, float]],
    run: TrainingRun,
) -> FitResult:
    """Train `model`, keeping the state with the best validation score.

    Args:
        model: The model, on `run.device`; holds the best state afterwards.
        train: The training examples.
        validate: Returns the validation scores of the model as it is, the primary one first.
        run: Settings, folder, device and progress.

    Raises:
        TrainingError: If there is no example, or the loss stops being finite.
    """
    if not train.examples:
        raise TrainingError("the training part has no examples; see `recbench data describe`")
    config = run.config
    optimizer = make_optimizer(model.parameters(), config)
    scheduler = make_scheduler(optimizer, config, train.batches)
    checkpoint, stale = run.folder / "best.safetensors", 0
    curve: list[dict[str, float]] = []
    best: dict[str, float] = {}
    for epoch in range(1, config.epochs + 1):
        title = _title(epoch, config, best)
        measured = _train_epoch(model, train, optimizer, scheduler, run, epoch, title)
        scores = validate(model)
        curve.append({"epoch": epoch, **measured, **scores})
        if _improves(scores, best, config.monitor):
            best, stale = scores, 0
            save_checkpoint(model, checkpoint)
        else:
            stale += 1
        run.progress.note(f"{_label(epoch, config)}  {_line(measured, scores, best=not stale)}")
        if stale > config.patience:
            break
    load_checkpoint(model, checkpoint)
    seconds = sum(each["seconds"] for each in curve)
    return FitResult(len(curve), best, curve, len(curve) * train.examples / seconds)


def _train_epoch(
    model: Model,
    train: Source,
    optimizer: torch.optim.Optimizer,
    scheduler: Scheduler,
    run: TrainingRun,
    epoch: int,
    title: str,
) -> dict[str, float]:
    """Return the mean loss of one pass and how many seconds it took."""
    started = perf_counter()
    model.train()
    total, examples, step = torch.zeros((), device=run.device), 0, 0
    figures: dict[str, float] = {}
    with run.progress.bar(title, train.examples, "samples") as bar:
        for step, batch in enumerate(train.epoch(epoch), 1):
            optimizer.zero_grad(set_to_none=True)
            with _autocast(run):
                loss = model.loss(batch.to(run.device))
            loss.backward()  # type: ignore[no-untyped-call]
            if run.config.gradient_clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), run.config.gradient_clip)
            optimizer.step()
            scheduler.step()
            total += loss.detach().float() * len(batch)
            examples += len(batch)
            if step % LOSS_CHECK_STEPS == 0:
                figures["loss"] = _finite(total, examples, epoch, step)
            bar.advance(len(batch), **figures)
        mean = _finite(total, examples, epoch, step)
    return {"loss": mean, "seconds": perf_counter() - started}


def _autocast(run: TrainingRun) -> AbstractContextManager[None]:
    enabled = run.config.precision == "bfloat16"
    return torch.autocast(run.device.type, torch.bfloat16, enabled=enabled)


def _finite(total: Tensor, examples: int, epoch: int, step: int) -> float:
    mean = float(total) / examples
    if not math.isfinite(mean):
        first = (step - 1) // LOSS_CHECK_STEPS * LOSS_CHECK_STEPS + 1
        raise TrainingError(
            f"the training loss is {mean} in epoch {epoch}, between steps {first} and {step}; "
            "try a lower training.learning_rate or a training.gradient_clip such as 5"
        )
    return mean


def _improves(scores: dict[str, float], best: dict[str, float], monitor: str) -> bool:
    name = monitor or next(iter(scores))
    if name not in scores:
        raise unknown_name("validation metric in training.monitor:", name, scores)
    if not best:
        return True
    if math.isnan(best[name]) or math.isnan(scores[name]):
        return math.isnan(best[name]) and not math.isnan(scores[name])
    gain = scores[name] - best[name]
    return gain > 0 if METRICS[metric_of(name)].higher_is_better else gain < 0


def _title(epoch: int, config: TrainingConfig, best: dict[str, float]) -> str:
    """Return what a progress bar is headed by: the epoch and the best score so far."""
    name = config.monitor or next(iter(best), "")
    return _label(epoch, config) + (f"  best {name} {best[name]:.4f}" if best else "")


def _label(epoch: int, config: TrainingConfig) -> str:
    return f"epoch {epoch}/{config.epochs}"


def _line(measured: dict[str, float], scores: dict[str, float], *, best: bool) -> str:
    if len(scores) > MOST_SCORES:  # those of each group are in the curve
        scores = {name: value for name, value in scores.items() if name == metric_of(name)}
    figures = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
    return f"loss {measured['loss']:.4f}  valid {figures}{'  (best)' if best else ''}"
