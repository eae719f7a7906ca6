"""Tasks: what is predicted, how a model's output is kept, and by which metrics it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.batch import Batch, CTRBatch, MultiTaskBatch, NextItemBatch
from recbench.metrics import METRICS, score_name
from recbench.schema import FIRST_ID, Role, Schema

TOP = 20
"""How many of the best items are kept for each example of next-item prediction."""

Columns = Mapping[str, NDArray[Any]]
"""Columns by name, a row an example."""


@dataclass(frozen=True)
class Task:
    """What is predicted.

    What is judged apart, such as each of several labels, is a group with a name; a task that has
    but one group calls it "".

    Attributes:
        name: Its name in cards, records and tables.
        metrics: By which metrics each group is judged.
        batch: The type of its batches of examples; those of cold start come in episodes besides.
        shown: Of which roles the fields of an example are in its features.
        output: What a model's `forward` returns, in words that complete "it must return".
        width: Columns of that output; 0 if it has one value an example, [B].
        labels: Turns the stored columns of what is predicted, each [B], into what batches hold.
        predictions: Turns the output for a batch, and what came to pass, the batch's labels, into
            columns that metrics understand, a row an example.
        groups: Splits rows, predictions with a column `label` of what came to pass, into those of
            each group.
    """

    name: str
    metrics: Callable[[Schema], Mapping[str, tuple[str, ...]]]
    batch: type[Batch]
    shown: tuple[Role, ...]
    output: str
    width: Callable[[Schema], int]
    labels: Callable[[Sequence[NDArray[Any]]], NDArray[Any]]
    predictions: Callable[[Tensor, Tensor, Schema], Mapping[str, Tensor]]
    groups: Callable[[Columns, Schema], Mapping[str, Columns]]

    def shape(self, examples: int, schema: Schema) -> tuple[int, ...]:
        """Return the shape of the output for a batch of `examples`."""
        width = self.width(schema)
        return (examples, width) if width else (examples,)

    def kept(self, schema: Schema) -> dict[str, NDArray[Any]]:
        """Return the columns that `predictions` has, as they are where there are no examples."""
        none = torch.zeros(self.shape(0, schema)), torch.zeros(0, dtype=torch.int64)
        return {name: each.numpy() for name, each in self.predictions(*none, schema).items()}

    def scores(self, schema: Schema) -> tuple[str, ...]:
        """Return the names of a model's scores, the primary one first.

        They are each metric, the mean over the groups that it judges, and then, where groups have
        names, each metric of each group.
        """
        judged = self.metrics(schema)
        means = {metric for metrics in judged.values() for metric in metrics}
        own = [score_name(metric, group) for group, names in judged.items() for metric in names]
        return tuple(dict.fromkeys((*sorted(means, key=list(METRICS).index), *own)))

    def judge(self, rows: Columns, schema: Schema) -> dict[str, float]:
        """Return the value of each of `scores` for rows as `groups` takes them."""
        judged, groups = self.metrics(schema), self.groups(rows, schema)
        values = {
            metric: {
                group: METRICS[metric](groups[group])
                for group, metrics in judged.items()
                if metric in metrics
            }
            for metric in self.scores(schema)
            if metric in METRICS
        }
        found = {metric: sum(own.values()) / len(own) for metric, own in values.items()}
        for metric, own in values.items():
            found |= {score_name(metric, group): value for group, value in own.items()}
        return {name: found[name] for name in self.scores(schema)}


def click_predictions(output: Tensor, labels: Tensor, schema: Schema) -> dict[str, Tensor]:
    """Return the logits as column `prediction`."""
    return {"prediction": output.float()}


def item_predictions(output: Tensor, labels: Tensor, schema: Schema) -> dict[str, Tensor]:
    """Return each target's `rank` among all items, and the `top` items, best first.

    Items that score the same share their mean rank, so that a model which scores all alike is no
    better than chance.

    Args:
        output: Score of each item, [B, items].
        labels: Place of the target among the items, [B].
        schema: The dataset's fields.
    """
    own = output.gather(1, labels[:, None])
    higher = (output > own).sum(1, dtype=torch.int32)  # twice as fast as counting in int64
    equal = (output == own).sum(1, dtype=torch.int32)
    top = output.topk(min(TOP, output.shape[1]), dim=1).indices
    return {"rank": higher + (equal + 1).double() / 2, "top": top}


def label_predictions(output: Tensor, labels: Tensor, schema: Schema) -> dict[str, Tensor]:
    """Return the output for each label as column `prediction/LABEL`."""
    names = (score_name("prediction", label) for label in schema.labels)
    return dict(zip(names, output.float().unbind(1), strict=True))


def label_groups(rows: Columns, schema: Schema) -> dict[str, Columns]:
    """Return for each label the rows that have it: what came to pass, and the prediction."""
    groups: dict[str, Columns] = {}
    for place, name in enumerate(schema.labels):
        label = rows["label"][:, place]
        present = ~np.isnan(label)
        prediction = rows[score_name("prediction", name)]
        groups[name] = {"label": label[present], "prediction": prediction[present]}
    return groups


def label_metrics(schema: Schema) -> dict[str, tuple[str, ...]]:
    """Return by which metrics each label is judged: binary and real ones differ."""
    return {f.name: ("auc", "logloss") if f.size else ("mse",) for f in schema.of("label")}


def state_metrics(schema: Schema) -> dict[str, tuple[str, ...]]:
    """Return by which metrics each state of cold start is judged: ratings and clicks differ."""
    (label,) = schema.of("label")
    metrics = ("auc", "logloss") if label.size else ("mae", "ndcg@1", "ndcg@3")
    return dict.fromkeys(schema.states, metrics)


def state_groups(rows: Columns, schema: Schema) -> dict[str, Columns]:
    """Return the rows of each state of cold start, which their column `state` counts."""
    states = {name: rows["state"] == place for place, name in enumerate(schema.states)}
    return {
        name: {key: column[chosen] for key, column in rows.items()}
        for name, chosen in states.items()
    }


CTR = Task(
    "ctr",
    lambda schema: {"": ("auc", "gauc", "logloss")},
    CTRBatch,
    ("user", "item"),
    "one logit each, [B]",
    lambda schema: 0,
    lambda stored: stored[0].astype(np.float32),
    click_predictions,
    lambda rows, schema: {"": rows},
)
NEXT_ITEM = Task(
    "next-item",
    lambda schema: {"": ("mrr@20", "recall@20", "ndcg@20")},
    NextItemBatch,
    ("user",),
    "a score for each item, [B, items]",
    lambda schema: schema.items,
    lambda stored: stored[0].astype(np.int64) - FIRST_ID,
    item_predictions,
    lambda rows, schema: {"": rows},
)
MULTI_TASK = Task(
    "multi-task",
    label_metrics,
    MultiTaskBatch,
    ("user", "item"),
    "a logit or number for each label, [B, T] in the order of schema.labels",
    lambda schema: len(schema.labels),
    lambda stored: np.stack(stored, 1).astype(np.float32),
    label_predictions,
    label_groups,
)
COLD_START = Task(
    "cold-start",
    state_metrics,
    Batch,
    ("user", "item"),
    "one logit, or number where the label is real, each, [B]",
    lambda schema: 0,
    lambda stored: stored[0].astype(np.float32),
    click_predictions,
    state_groups,
)

TASKS: Mapping[str, Task] = {task.name: task for task in (CTR, NEXT_ITEM, MULTI_TASK, COLD_START)}
"""Every task by name."""
