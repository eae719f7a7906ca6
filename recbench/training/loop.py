"""`fit`, the one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recbench.batch import Batch
from recbench.errors import OutOfMemoryError, PluginError, TrainingError, unknown_name
from recbench.memory import attempt
from recbench.metrics import METRICS, metric_of
from recbench.ops.dispatch import observe
from recbench.training.config import TrainingConfig
from recbench.training.graphs import Gradients, step_graphs
from recbench.training.precision import autocast
from recbench.training.random_state import random_state, set_random_state
from recbench.training.run import FitResult, TrainingRun
from recbench.training.source import Source
from recbench.training.state import Standing, TrainingState
from recbench.transfer import transfer

if TYPE_CHECKING:
    from recbench.model import Model

LOSS_CHECK_STEPS = 50
"""Steps between two looks at the loss; each look makes the host wait for the device."""


MOST_SCORES = 6
"""Scores that the line of an epoch shows."""


def fit(
    model: Model,
    train: Source,
    validate: Callable[[Model], dict[str, float]],
    run: TrainingRun,
) -> FitResult:
    """Train `model`, keeping the state with the best validation score.

    A training that was broken off goes on from its last checkpoint in `run.folder`: one is taken at
    the end of each epoch, and within an epoch every `run.checkpoint_seconds`.

    Args:
        model: The model, on `run.device`; holds the best state afterwards.
        train: The training examples.
        validate: Returns the validation scores of the model as it is, the primary one first.
        run: Settings, folder, device and progress.

    Raises:
        TrainingError: If there is no example or no parameter, or the loss stops being finite.
        PluginError: If the loss is none that parameters can learn from.
        OutOfMemoryError: If a step or a validation has no memory; with a batch size that has.
        RecbenchError: If a checkpoint cannot be written.
    """
    if not train.examples:
        raise TrainingError("the training part has no examples; see `recbench data describe`")
    if not any(each.requires_grad for each in model.parameters()):
        raise TrainingError(
            f"{type(model).__name__} has no parameters that gradients could train; a model that "
            "learns otherwise overrides fit"
        )
    config = run.config
    with observe() as operators:
        state = TrainingState(model, train, run, operators)
        standing = state.standing
        gradients: Gradients = partial(_gradients, state, run)
        graphs = step_graphs(gradients, model, run.device)
        while not standing.ended(config):
            measured = _train_epoch(state, train, run, graphs or gradients)
            scores = _validated(state, validate, run)
            better = _improves(scores, standing.best, config.monitor)
            standing.end_epoch(measured, scores, better=better)
            if better:
                state.save_best()
            state.save()
            label = _label(standing.epochs, config)
            run.progress.note(f"{label}  {_line(measured, scores, best=better)}")
    if graphs:
        run.progress.note(str(graphs))
    state.load_best()
    curve = standing.curve
    seconds = sum(each["seconds"] for each in curve)
    speed = len(curve) * train.examples / seconds
    return FitResult(len(curve), standing.best, curve, speed, state.earlier_seconds)


def _train_epoch(
    state: TrainingState, train: Source, run: TrainingRun, gradients: Gradients
) -> dict[str, float]:
    """Make what is left of the pass; return the pass's mean loss and how many seconds it took."""
    standing = state.standing
    started = perf_counter() - standing.seconds
    state.model.train()
    total = torch.tensor(standing.loss, dtype=torch.float32, device=run.device)
    epoch = standing.epochs + 1
    title = _title(epoch, run.config, standing.best)
    figures: dict[str, float] = {}
    with run.progress.bar(title, train.examples - standing.examples, "samples") as bar:
        for batch in transfer(train.epoch(epoch, standing.step), run.device):
            what = f"training step {standing.step + 1:,} of epoch {epoch}"
            loss = attempt(
                partial(_step, state, run, gradients), batch, run.device, what, "batch_size"
            )
            state.scheduler.step()
            total += loss * len(batch)
            standing.examples += len(batch)
            standing.step += 1
            if standing.step % LOSS_CHECK_STEPS == 0:
                figures["loss"] = _finite(total, standing)
            if state.due():
                standing.loss, standing.seconds = float(total), perf_counter() - started
                state.save()
                started = perf_counter() - standing.seconds
            bar.advance(len(batch), **figures)
        mean = _finite(total, standing)
    standing.loss, standing.seconds = float(total), perf_counter() - started
    return {"loss": mean, "seconds": standing.seconds}


def _validated(
    state: TrainingState, validate: Callable[[Model], dict[str, float]], run: TrainingRun
) -> dict[str, float]:
    """Return the validation scores; if there is no memory for them, the pass before is kept."""
    drawn = random_state(run.device)
    try:
        scores = validate(state.model)
    except OutOfMemoryError:
        set_random_state(drawn, run.device)
        state.save()
        raise
    return {name: float(score) for name, score in scores.items()}


def _gradients(state: TrainingState, run: TrainingRun, batch: Batch) -> Tensor:
    """Compute a batch's loss and its gradients, scaled; return the loss."""
    state.optimizer.zero_grad(set_to_none=True)
    with autocast(run.device, run.config):
        loss = state.model.loss(batch)
    _require_learnable(loss, state.model)
    state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    return loss.detach().float()


def _require_learnable(loss: object, model: Model) -> None:
    """Raise `PluginError` unless a loss is a scalar with a gradient."""
    if not isinstance(loss, Tensor):
        found = f"a {type(loss).__name__}"
    elif loss.shape != ():
        found = f"a tensor of shape {tuple(loss.shape)}"
    elif not loss.requires_grad:
        found = (
            "a tensor without gradient, which is detached, rests on no parameter or was computed "
            "with gradients switched off"
        )
    else:
        return
    raise PluginError(
        f"{type(model).__name__}.loss returned {found}; it must return a scalar tensor with a "
        "gradient"
    )


def _step(state: TrainingState, run: TrainingRun, gradients: Gradients, batch: Batch) -> Tensor:
    """Make one step of the optimizer; return the loss that it was made for."""
    loss = gradients(batch)
    if run.config.gradient_clip:
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), run.config.gradient_clip)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return loss


def _finite(total: Tensor, standing: Standing) -> float:
    mean = float(total) / standing.examples
    if not math.isfinite(mean):
        first = (standing.step - 1) // LOSS_CHECK_STEPS * LOSS_CHECK_STEPS + 1
        raise TrainingError(
            f"the training loss is {mean} in epoch {standing.epochs + 1}, between steps {first} "
            f"and {standing.step}; try a lower training.learning_rate or a training.gradient_clip "
            "such as 5"
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
