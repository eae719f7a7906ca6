"""Tasks: what is predicted, how a model's output is kept, and by which metrics it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.batch import Batch, CTRBatch, NextItemBatch
from recbench.schema import FIRST_ID, Role, Schema

TOP = 20
"""How many of the best items are kept for each example of next-item prediction."""


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes:
        name: Its name in cards, records and tables.
        metrics: By which metrics it is judged; the first is primary.
        batch: The type of its batches.
        shown: Of which roles the fields of an example are in its features.
        output: What a model's `forward` returns, in words that complete "it must return".
        width: Columns of that output; 0 if it has one value an example, [B].
        labels: Turns a column of stored labels, [B], into what batches hold.
        predictions: Turns the output for a batch, and what came to pass, [B] of the batch's
            labels, into columns that metrics understand, a row an example.
    """

    name: str
    metrics: tuple[str, ...]
    batch: type[Batch]
    shown: tuple[Role, ...]
    output: str
    width: Callable[[Schema], int]
    labels: Callable[[NDArray[np.generic]], NDArray[np.generic]]
    predictions: Callable[[Tensor, Tensor], Mapping[str, Tensor]]

    def shape(self, examples: int, schema: Schema) -> tuple[int, ...]:
        """Return the shape of the output for a batch of `examples`."""
        width = self.width(schema)
        return (examples, width) if width else (examples,)


def click_predictions(output: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return the logits as column `prediction`."""
    return {"prediction": output.float()}


def item_predictions(output: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return each target's `rank` among all items, and the `top` items, best first.

    Items that score the same share their mean rank, so that a model which scores all alike is no
    better than chance.

    Args:
        output: Score of each item, [B, items].
        labels: Place of the target among the items, [B].
    """
    own = output.gather(1, labels[:, None])
    higher = (output > own).sum(1, dtype=torch.int32)  # twice as fast as counting in int64
    equal = (output == own).sum(1, dtype=torch.int32)
    top = output.topk(min(TOP, output.shape[1]), dim=1).indices
    return {"rank": higher + (equal + 1).double() / 2, "top": top}


CTR = Task(
    "ctr",
    ("auc", "gauc", "logloss"),
    CTRBatch,
    ("user", "item"),
    "one logit each, [B]",
    lambda schema: 0,
    lambda stored: stored.astype(np.float32),
    click_predictions,
)
NEXT_ITEM = Task(
    "next-item",
    ("mrr@20", "recall@20", "ndcg@20"),
    NextItemBatch,
    ("user",),
    "a score for each item, [B, items]",
    lambda schema: schema.items,
    lambda stored: stored.astype(np.int64) - FIRST_ID,
    item_predictions,
)

TASKS: Mapping[str, Task] = {task.name: task for task in (CTR, NEXT_ITEM)}
"""Every task by name."""
