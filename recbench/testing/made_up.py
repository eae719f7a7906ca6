"""Which made-up data try out the models of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from recbench.batch import Batch, Reads
from recbench.schema import Schema
from recbench.task import COLD_START, CTR, MULTI_TASK, NEXT_ITEM
from recbench.testing import (
    synthetic,
    synthetic_episodes,
    synthetic_sessions,
    synthetic_tables,
)
from recbench.training import Source


@dataclass(frozen=True)
class MadeUp:
    """Data of one task.

    Attributes:
        schema: Their fields.
        random: Returns a batch without signal, given lengths, seed and share of unseen ids.
        planted: Returns a batch with a signal, given examples, what the model reads, and seed.
        opposite: Returns other labels than those of a batch.
        learnt: What the task's primary metric must pass on a planted signal.
        source: Returns a training source of a batch, given the size of its batches.
    """

    schema: Schema
    random: Callable[..., Batch]
    planted: Callable[[int, Reads, int], Batch]
    opposite: Callable[[Tensor], Tensor]
    learnt: float
    source: Callable[[Any, int], Source] = synthetic.SyntheticSource


MADE_UP: Mapping[str, MadeUp] = {
    CTR.name: MadeUp(
        synthetic.SCHEMA,
        synthetic.random_batch,
        synthetic.planted_batch,
        lambda labels: 1 - labels,
        learnt=0.8,  # AUC; 0.5 is chance and 1 can be reached
    ),
    NEXT_ITEM.name: MadeUp(
        synthetic_sessions.SCHEMA,
        synthetic_sessions.random_batch,
        synthetic_sessions.planted_batch,
        synthetic_sessions.opposite,
        learnt=0.4,  # MRR@20; chance is about 0.11 and 1 can be reached
    ),
    MULTI_TASK.name: MadeUp(
        synthetic_tables.SCHEMA,
        synthetic_tables.random_batch,
        synthetic_tables.planted_batch,
        synthetic_tables.opposite,
        learnt=0.8,  # mean AUC; 0.5 is chance and 1 can be reached
    ),
    COLD_START.name: MadeUp(
        synthetic_episodes.SCHEMA,
        synthetic_episodes.random_batch,
        synthetic_episodes.planted_batch,
        lambda labels: 1 - labels,
        learnt=0.8,  # AUC; 0.5 is chance and 1 can be reached
        source=synthetic_episodes.SyntheticEpisodeSource,
    ),
}
"""Made-up data by task."""
