"""From a model to predictions to scores: the only place where metrics meet predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.data import Loader, Part
from recbench.errors import TrainingError
from recbench.metrics import METRICS, scored_users
from recbench.progress import SILENT, Progress

if TYPE_CHECKING:
    from recbench.model import Model, Task

Predictions = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """What a model is worth on one part.

    Attributes:
        values: Score of each metric of the task, the primary one first.
        scored_users: Number of users with both classes, over whom gAUC is taken.
    """

    values: dict[str, float]
    scored_users: int


@torch.inference_mode()
def predict(
    model: Model, loader: Loader, device: torch.device, progress: Progress = SILENT
) -> Predictions:
    """Return the model's predictions for every example, in stored order; labels are not shown.

    Raises:
        TrainingError: If a prediction is not finite or there is not one for each example.
    """
    model.eval()
    found = []
    with progress.bar(f"predicting {loader.part.name}", loader.examples, "samples") as bar:
        for features in loader.features():
            output = model(features.to(device))
            if output.shape != (len(features),):
                raise TrainingError(
                    f"{type(model).__name__}.forward returned shape {tuple(output.shape)} for "
                    f"{len(features)} examples; it must return one logit each, [{len(features)}]"
                )
            found.append(output.float().cpu())
            bar.advance(len(features))
    predictions: Predictions = torch.cat(found).numpy()
    if not np.isfinite(predictions).all():
        bad = int((~np.isfinite(predictions)).sum())
        raise TrainingError(
            f"{bad:,} of {len(predictions):,} predictions for {loader.part.name} are not finite; "
            "try a lower training.learning_rate or a training.gradient_clip such as 5"
        )
    return predictions


def score(task: Task, part: Part, predictions: NDArray[np.floating]) -> Scores:
    """Return the scores of predictions for a part's examples."""
    labels, users = np.asarray(part.labels), np.asarray(part.user)
    values = {name: METRICS[name].function(labels, predictions, users) for name in task.metrics}
    return Scores(values, scored_users(labels, users))


def attainable(part: Part) -> dict[str, float] | None:
    """Return the AUC that no model is expected to pass, where the data tell."""
    if part.oracle is None:
        return None
    labels, users = np.asarray(part.labels), np.asarray(part.user)
    return {"auc": METRICS["auc"].function(labels, np.asarray(part.oracle), users)}
