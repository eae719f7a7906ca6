"""What a plugin subclasses: `Model` and one base per task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbench.batch import (
    Batch,
    CTRBatch,
    EpisodeBatch,
    Episodes,
    Features,
    MultiTaskBatch,
    NextItemBatch,
    Reads,
)
from recbench.errors import PluginError
from recbench.layers import widen
from recbench.schema import Schema
from recbench.search import COMMON_SPACE, SearchSpace
from recbench.task import COLD_START, CTR, MULTI_TASK, NEXT_ITEM, Task
from recbench.training import FitResult, Source, TrainingRun, fit


class Model(nn.Module):
    """A recommender model: built from a schema and its own frozen `Config`.

    Attributes:
        api: The `API_VERSION` the class was written for.
        task: What the model predicts.
        Config: A frozen dataclass; every field typed and defaulted.
        reads: Which events of a history `forward` can make use of; set it in `__init__`.
        training_settings: Fields of `TrainingConfig` with the values that the model is best
            trained with, as plain data; those that a run gives itself come before them.
        expected_failures: By name, checks of `recbench.testing` that it cannot pass, and why.
        search_space: What tuning varies: fields of `Config`, and of the training as
            `training.FIELD`; {} for a model that has nothing to tune.
        expert_names: What to call the experts whose weights `explain` returns; numbers if empty.
    """

    api: ClassVar[int]
    task: ClassVar[Task]
    Config: ClassVar[type[Any]]
    reads: Reads = Reads()
    training_settings: ClassVar[Mapping[str, Any]] = {}
    expected_failures: ClassVar[Mapping[str, str]] = {}
    search_space: ClassVar[SearchSpace] = COMMON_SPACE
    expert_names: tuple[str, ...] = ()

    def __init__(self, schema: Schema, config: Any) -> None:
        super().__init__()
        self.schema = schema
        self.config = config

    def loss(self, batch: Any) -> Tensor:
        """Return the mean training loss of a batch, a scalar; the only method that sees labels."""
        raise _undefined(self, "loss")

    def predict(self, inputs: Any) -> Tensor:
        """Return the output for what a batch shows, `Batch.inputs`; called without gradients."""
        output: Tensor = self(inputs)
        return output

    def explain(self, inputs: Any) -> Mapping[str, Tensor]:
        """Return the weights by which `predict` comes to its output, a row for each of its rows.

        They are to be those that `predict` computes, not a copy of the computation:
        `recbench.layers.watch` takes them from a layer while the model runs. `recbench explain`
        draws those that have one of these names, and sums up any others, [B, ...]:

        - `gate/COLUMN`, [B, E]: the weight of each expert in the mixture for a label or whatever
          else the column is; `gate1/COLUMN` and so on where there is a layer of gates above another
        - `attention`, [B, T] or [B, heads, T]: weights of the last T events of the history as
          `History.recent` has them, oldest first, 0 at padding
        - `found`, [B, K] of int64: positions in the history of events that a search has chosen, -1
          beyond their number
        - `found_attention`, [B, K] or [B, heads, K]: weights of those, 0 beyond their number

        Called in evaluation mode and without gradients.
        """
        return {}

    def before_training(self, train: Source) -> None:
        """Take from the training examples what the loss needs of them, such as counts.

        Called before the first step, also where another model trains this one as a part of itself.
        """

    def fit(
        self, train: Source, validate: Callable[[Model], dict[str, float]], run: TrainingRun
    ) -> FitResult:
        """Train on `train` and keep the state that scores best in `validate`.

        A model that does not learn by gradients overrides this and may ignore `run`. One that
        trains several times gives each training a `run.stage` of its own.

        An interrupted training goes on in a new model: what training changes belongs in parameters
        and persistent buffers, and random numbers are drawn from the global generators.
        """
        self.before_training(train)
        return fit(self, train, validate, run)


def _undefined(model: Model, method: str) -> PluginError:
    return PluginError(f"{type(model).__name__} has no method '{method}'; its class must define it")


class CTRModel(Model):
    """Predicts whether a user clicks an item."""

    task = CTR

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        raise _undefined(self, "forward")

    def loss(self, batch: CTRBatch) -> Tensor:
        """Return the mean binary cross-entropy of a batch."""
        logits = widen(self(batch.features))
        return F.binary_cross_entropy_with_logits(logits, batch.labels.to(logits.dtype))


class NextItemModel(Model):
    """Predicts which item comes next."""

    task = NEXT_ITEM

    def forward(self, features: Features) -> Tensor:
        """Return a score for each item of the training part, [B, items], in order of their ids.

        Column `j` belongs to the item with id `j + FIRST_ID`.
        """
        raise _undefined(self, "forward")

    def loss(self, batch: NextItemBatch) -> Tensor:
        """Return the mean cross-entropy of the next item among all items."""
        return F.cross_entropy(widen(self(batch.features)), batch.labels)


class MultiTaskModel(Model):
    """Predicts several labels of an example."""

    task = MULTI_TASK

    def forward(self, features: Features) -> Tensor:
        """Return a logit for each binary label and a number for each real one, [B, T].

        The columns are in the order of `schema.labels`.
        """
        raise _undefined(self, "forward")

    def losses(self, batch: MultiTaskBatch) -> Tensor:
        """Return the mean loss of each label over the examples that have it, [T].

        That is the binary cross-entropy, or the squared error of a real-valued label; 0 for a label
        that no example of the batch has.
        """
        output = widen(self(batch.features))
        labels = batch.labels.to(output.dtype)
        present = ~labels.isnan()
        labels = labels.where(present, 0)
        losses = []
        for place, field in enumerate(self.schema.of("label")):
            loss = F.binary_cross_entropy_with_logits if field.size else F.mse_loss
            each = loss(output[:, place], labels[:, place], reduction="none")
            kept = present[:, place]
            losses.append(each.where(kept, 0).sum() / kept.sum().clamp(min=1))
        return torch.stack(losses)

    def loss(self, batch: MultiTaskBatch) -> Tensor:
        """Return the sum of the labels' losses."""
        return self.losses(batch).sum()


Adapted = Callable[[Features], Tensor]
"""A model after adaptation: from features to outputs, [B]."""


class MetaModel(Model):
    """Predicts a label of users or items that few examples are known of, by adapting to these.

    The label is binary or real, as `schema.labels` has it.
    """

    task = COLD_START

    def forward(self, features: Features) -> Tensor:
        """Return a logit, or number where the label is real, each, [B], without adaptation."""
        raise _undefined(self, "forward")

    def adapt(self, support: Batch) -> Adapted:
        """Return the model adapted to examples with labels, and leave `self` as it is.

        Where gradients are enabled, what it returns is differentiable in the model's parameters.

        Args:
            support: The examples, perhaps none; not those that will be asked for.
        """
        raise _undefined(self, "adapt")

    def error(self, output: Tensor, labels: Tensor) -> Tensor:
        """Return the mean error of outputs [B] against labels [B].

        It is the squared error of a real label, the binary cross-entropy of a binary one.
        """
        (label,) = self.schema.of("label")
        loss = F.binary_cross_entropy_with_logits if label.size else F.mse_loss
        output = widen(output)
        return loss(output, labels.to(output.dtype))

    def predict(self, episodes: Episodes) -> Tensor:
        """Return the output for each query after adaptation to its episode's support, [Q]."""
        return torch.cat([self.adapt(support)(query) for support, query in episodes])

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Return the mean over episodes of the error on the queries after adaptation."""
        labels = (batch.labels[start:stop] for start, stop in pairwise(batch.query_offsets))
        errors = [
            self.error(self.adapt(support)(query), known)
            for (support, query), known in zip(batch.inputs, labels, strict=True)
        ]
        return torch.stack(errors).mean()
