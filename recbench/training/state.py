"""The state of a training: all that changes while it lasts, kept so that it can go on from there.

What is restored is what would have been: a training that was broken off at any moment and made
again ends as it would have ended, to the last bit where the device repeats itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from recbench.errors import RecbenchError
from recbench.ops.dispatch import report_use
from recbench.training.checkpoint import read_tensors, tensors_digest, write_tensors
from recbench.training.config import TrainingConfig
from recbench.training.optimizer import make_optimizer, make_scheduler
from recbench.training.precision import make_scaler
from recbench.training.random_state import random_state, set_random_state
from recbench.training.run import TrainingRun
from recbench.training.source import Source

if TYPE_CHECKING:
    from recbench.model import Model

FORMAT = 2
"""Version of what a checkpoint holds; grows with every change of it."""

TRAINING, STANDING = "recbench.training", "recbench.standing"
SCHEDULE, OPERATORS = "recbench.schedule", "recbench.operators"
"""Notes of a checkpoint: which training it is of, how far that had come, the learning rate and the
scale of the loss, and which implementations of operators had run."""


@dataclass
class Standing:
    """How far a training has come.

    Attributes:
        epochs: Passes that are finished, validation included.
        step: Batches of the next pass that are done.
        examples: Their examples.
        loss: The sum of the loss over these examples.
        seconds: Time for these examples.
        elapsed: Time since the training began, the time between sittings left out.
        curve: As in `FitResult`, of the finished passes.
        best: The best validation scores.
        best_epoch: The epoch that has them; 0 if there is none.
        stale: Epochs in a row since.
    """

    epochs: int = 0
    step: int = 0
    examples: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    elapsed: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    stale: int = 0

    def ended(self, config: TrainingConfig) -> bool:
        """Return whether no further epoch is to be made."""
        return self.epochs == config.epochs or self.stale > config.patience

    def end_epoch(
        self, measured: dict[str, float], scores: dict[str, float], *, better: bool
    ) -> None:
        """Note an epoch's loss, seconds and validation scores, and whether these are the best."""
        self.epochs += 1
        self.curve.append({"epoch": self.epochs, **measured, **scores})
        self.step, self.examples, self.loss, self.seconds = 0, 0, 0.0, 0.0
        if better:
            self.best, self.best_epoch, self.stale = scores, self.epochs, 0
        else:
            self.stale += 1


class TrainingState:
    """A model in training with its optimizer, schedule and standing, and their files.

    In the run's folder, `checkpoint.safetensors` holds all of it as it last was, and
    `best-N.safetensors` the model after epoch N, the best so far. A checkpoint is continued from by
    the training that it is of: one with the same key, settings and number of batches, whose model
    and random generators began in the same state.

    Attributes:
        model: The model.
        optimizer: The optimizer of its parameters.
        scheduler: The schedule of the learning rate.
        scaler: What scales the loss where the precision asks for it.
        standing: How far the training has come.
        earlier_seconds: Time that sittings before this one took.
    """

    def __init__(
        self, model: Model, train: Source, run: TrainingRun, operators: Mapping[str, set[str]]
    ) -> None:
        """Begin a training, or go on with it where the run's folder has a checkpoint of it.

        Args:
            model: The model in its initial state.
            train: The training examples.
            run: Settings, folder, device and progress.
            operators: What `observe` collects as long as the training lasts.
        """
        self.model = model
        self.optimizer = make_optimizer(model.parameters(), run.config)
        self.scheduler = make_scheduler(self.optimizer, run.config, train.batches)
        self.scaler = make_scaler(run.device, run.config)
        self.standing = Standing()
        self._run = run
        self._operators = operators
        self._path = run.folder / "checkpoint.safetensors"
        self._identity = self._began_with(train)
        self._started = self._saved = perf_counter()
        self._restore(train)
        self.earlier_seconds = self.standing.elapsed

    def due(self) -> bool:
        """Return whether it is time for a checkpoint within an epoch."""
        return perf_counter() - self._saved >= self._run.checkpoint_seconds

    def save(self) -> None:
        """Write a checkpoint, and remove the best state of before if there is a better one.

        Once training has ended there is nothing to keep but how it went.

        Raises:
            RecbenchError: If it cannot be written; what was written before stays.
        """
        standing = self.standing
        tensors = {f"random/{name}": each for name, each in random_state(self._run.device).items()}
        if not standing.ended(self._run.config):
            tensors |= {f"model/{name}": each for name, each in self.model.state_dict().items()}
            tensors |= self._optimizer_tensors()
        now = perf_counter()
        standing.elapsed = self.earlier_seconds + now - self._started
        rates = [group["lr"] for group in self.optimizer.param_groups]
        schedule = {
            "rates": rates,
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        notes = {
            TRAINING: self._identity,
            STANDING: json.dumps(asdict(standing)),
            SCHEDULE: json.dumps(schedule),
            OPERATORS: json.dumps({name: sorted(how) for name, how in self._operators.items()}),
        }
        write_tensors(tensors, self._path, notes)
        kept = f"best-{standing.best_epoch}.safetensors"
        for path in self._run.folder.glob("best-*"):
            if path.name != kept:
                with suppress(OSError):
                    path.unlink()
        self._saved = perf_counter()

    def save_best(self) -> None:
        """Write the model as the best so far.

        Raises:
            RecbenchError: If it cannot be written; what was written before stays.
        """
        path = self._run.folder / f"best-{self.standing.best_epoch}.safetensors"
        write_tensors(self.model.state_dict(), path, {TRAINING: self._identity})

    def load_best(self) -> None:
        """Set the model to the best so far."""
        self.model.load_state_dict(self._read(f"best-{self.standing.best_epoch}.safetensors")[0])

    def _restore(self, train: Source) -> None:
        """Go on from the checkpoint, if there is one of this training."""
        if not self._path.exists():
            return
        note = self._run.progress.note
        try:
            tensors, notes = self._read(self._path.name)
            if STANDING not in notes:
                raise RecbenchError(f"{self._path} is a best state and no checkpoint")
            standing = Standing(**json.loads(notes[STANDING]))
            if standing.best_epoch:
                self._read(f"best-{standing.best_epoch}.safetensors")
            state = _below("model/", tensors)
            if state and _shapes(state) != _shapes(self.model.state_dict()):
                raise RecbenchError(f"the checkpoint {self._path} is of a model of another shape")
        except RecbenchError as reason:
            note(f"{reason}; training begins anew")
            return
        self.standing = standing
        report_use(json.loads(notes[OPERATORS]))
        if not standing.ended(self._run.config):
            self.model.load_state_dict(state)
            self._set_optimizer(_below("optimizer/", tensors), json.loads(notes[SCHEDULE]))
            note(f"continues at {_place(standing, self._run.config, train)}")
        else:
            note(f"continues after the last epoch, {standing.epochs}")
        set_random_state(_below("random/", tensors), self._run.device)

    def _read(self, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
        path = self._run.folder / name
        tensors, notes = read_tensors(path)
        if notes.get(TRAINING) != self._identity:
            raise RecbenchError(f"the checkpoint {path} is of another training")
        return tensors, notes

    def _began_with(self, train: Source) -> str:
        """Return a digest of what the result depends on, as far as it can be known here."""
        run = self._run
        settings = {
            "format": FORMAT,
            "key": run.key,
            "config": asdict(run.config),
            "device": run.device.type,
            "examples": train.examples,
            "batches": train.batches,
        }
        tensors = {f"random/{name}": each for name, each in random_state(run.device).items()}
        tensors |= {f"model/{name}": each for name, each in self.model.state_dict().items()}
        return tensors_digest(tensors, {TRAINING: json.dumps(settings)})

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        states = self.optimizer.state_dict()["state"]
        return {
            f"optimizer/{index}/{name}": value
            for index, state in states.items()
            for name, value in state.items()
        }

    def _set_optimizer(self, tensors: dict[str, Tensor], schedule: dict[str, Any]) -> None:
        groups = self.optimizer.state_dict()["param_groups"]
        for group, rate in zip(groups, schedule["rates"], strict=True):
            group["lr"] = rate
        parameters = list(self._parameters())
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            index, entry = name.split("/")
            parameter = parameters[int(index)]
            # Fused optimizers go through memory and want it laid out as the parameter's.
            like = parameter if value.shape == parameter.shape else value
            copy = torch.empty_like(like, dtype=value.dtype, requires_grad=False).copy_(value)
            states.setdefault(int(index), {})[entry] = copy
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        self.scheduler.load_state_dict(schedule["scheduler"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(schedule["scaler"])

    def _parameters(self) -> Iterator[Tensor]:
        for group in self.optimizer.param_groups:
            yield from group["params"]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[torch.dtype, torch.Size]]:
    return {name: (each.dtype, each.shape) for name, each in tensors.items()}


def _place(standing: Standing, config: TrainingConfig, train: Source) -> str:
    epoch = f"epoch {standing.epochs + 1}/{config.epochs}"
    if standing.step == train.batches:
        return f"the validation of {epoch}"
    return f"{epoch}, step {standing.step + 1:,} of {train.batches:,}"
