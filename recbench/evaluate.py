"""From a model to predictions to scores: the only place where metrics meet predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.batch import Batch, EpisodeBatch
from recbench.data import EpisodeLoader, Loader, Part, PreparedDataset
from recbench.errors import TrainingError
from recbench.memory import attempt
from recbench.metrics import METRICS, scored_users
from recbench.progress import SILENT, Progress
from recbench.schema import Schema
from recbench.transfer import transfer

if TYPE_CHECKING:
    from recbench.model import Model
    from recbench.task import Task

Predictions = Mapping[str, NDArray[Any]]
"""What a task keeps of a model's outputs: columns by name, a row an example."""

LARGEST_OUTPUT = 1 << 24
"""Numbers that a model's output for one batch may hold; it bounds memory where items are many."""


@dataclass(frozen=True)
class Scores:
    """What a model is worth on one part.

    Attributes:
        values: Each of the task's scores, the primary one first.
        scored_users: Number of users with both classes, over whom gAUC is taken; None for tasks
            without it.
    """

    values: dict[str, float]
    scored_users: int | None


def chunk(task: Task, schema: Schema, batch_size: int) -> int:
    """Return how many examples to predict at a time, at most `batch_size`."""
    return max(1, min(batch_size, LARGEST_OUTPUT // max(1, task.width(schema))))


@torch.no_grad()  # and not inference mode: a model may adapt, which takes gradients
def predict(
    model: Model, loader: Loader | EpisodeLoader, device: torch.device, progress: Progress = SILENT
) -> Predictions:
    """Return the model's predictions for every example, in stored order; it sees no labels.

    Nor does an example's place in its batch tell anything: see the loader's `mixed`.

    Raises:
        TrainingError: If an output is not finite or has not the shape that the task asks for.
        OutOfMemoryError: If a batch is too large for the memory; with a size that is not.
    """
    model.eval()
    found: dict[str, list[Tensor]] = {}
    bad, title = 0, f"predicting {loader.part.name}"
    order, batches = loader.mixed()
    with progress.bar(title, loader.examples, "samples") as bar:
        for batch in transfer(batches, device):
            setting = "batch_size" if isinstance(batch, EpisodeBatch) else "evaluation_batch_size"
            columns, wrong = attempt(
                partial(_predict, model, loader.dataset), batch, device, title, setting
            )
            bad += wrong
            for name, column in columns.items():
                found.setdefault(name, []).append(column)
            bar.advance(len(batch))
    if bad:
        raise TrainingError(
            f"{bad:,} predictions for {loader.part.name} are not finite; "
            "try a lower training.learning_rate or a training.gradient_clip such as 5"
        )
    return {name: _scattered(columns, order) for name, columns in found.items()}


def _scattered(columns: list[Tensor], order: NDArray[np.int64]) -> NDArray[Any]:
    """Return one column of those of batches, each row at its place in `order`."""
    column: NDArray[Any] = torch.cat(columns).numpy()
    stored = np.empty_like(column)
    stored[order] = column
    return stored


def _predict(model: Model, dataset: PreparedDataset, batch: Batch) -> tuple[dict[str, Tensor], int]:
    """Return what the task keeps of a batch's predictions, and how many are not finite."""
    task, schema = dataset.task, dataset.schema
    output = model.predict(batch.inputs)
    if not isinstance(output, Tensor) or output.is_complex():
        kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
        raise TrainingError(
            f"{type(model).__name__}.predict returned {kind}; it must return a tensor of real "
            f"numbers: {task.output}"
        )
    if output.shape != task.shape(len(batch), schema):
        raise TrainingError(
            f"{type(model).__name__}.predict returned shape {tuple(output.shape)} for "
            f"{len(batch)} examples; it must return {task.output}, here "
            f"{list(task.shape(len(batch), schema))}"
        )
    # The extremes take a fraction of the time, and are not finite if one output is not.
    finite = all(extreme.isfinite() for extreme in output.aminmax())
    wrong = 0 if finite else int((~output.isfinite()).sum())
    columns = task.predictions(output.detach(), batch.labels, schema)
    return {name: column.cpu() for name, column in columns.items()}, wrong


def score(task: Task, part: Part, predictions: Predictions) -> Scores:
    """Return the scores of predictions for a part's examples."""
    rows = _rows(task, part.asked, predictions)
    values = task.judge(rows, part.schema)
    return Scores(values, scored_users(rows["label"], rows["user"]) if "gauc" in values else None)


def require_whole(task: Task, part: Part, predictions: Predictions) -> None:
    """Make sure that there is a finite prediction for each of a part's examples, and nothing else.

    Raises:
        TrainingError: If columns are not the task's, or not every value is there and finite.
    """
    count = len(part.asked)
    due, found = (_described(each) for each in (task.kept(part.schema), predictions))
    if found != due:
        raise TrainingError(
            f"the run has left {found or 'no columns'} for {part.name}, and what is kept for "
            f"{task.name} is {due}; the model's code must not change what the harness keeps"
        )
    for name, column in predictions.items():
        if len(column) != count:
            raise TrainingError(f"{len(column):,} values of '{name}' for {count:,} examples")
        if not np.isfinite(column).all():
            raise TrainingError(f"not every '{name}' for {part.name} is finite")


def attainable(part: Part) -> dict[str, float] | None:
    """Return the AUC that no model is expected to pass, where the data tell."""
    if part.oracle is None:
        return None
    return {"auc": METRICS["auc"]({"label": part.labels, "prediction": part.oracle})}


def _rows(task: Task, part: Part, predictions: Predictions) -> Predictions:
    kept = ("user", "state", "episode")
    known = {name: np.asarray(part.columns[name]) for name in kept if name in part.columns}
    if "group" in part.columns:
        known["user"] = np.asarray(part.columns["group"])
    return {**predictions, "label": task.labels(part.targets), **known}


def _described(columns: Predictions) -> str:
    """Return the names and types of columns in one line."""
    return ", ".join(
        f"{name} ({' x '.join(map(str, (*column.shape[1:], column.dtype)))})"
        for name, column in sorted(columns.items())
    )
