"""The best scores that a model of simulated clicks can have: those of what made the clicks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import Dataset
from recbench.data.examples import Examples
from recbench.data.gather import window
from recbench.data.ingest import RawLog
from recbench.task import CTR

ROWS = 1 << 13
"""Examples whose whole histories are held at a time."""


def attainable(dataset: Dataset, settings: Mapping[str, Any]) -> bool:
    """Return whether the dataset knows the score of click prediction that no model can pass."""
    if settings["source"] != "simulated" or dataset.card.task != CTR.name:
        return False
    drawn = getattr(dataset.card.protocols[settings["protocol"]["name"]], "negatives", None)
    return drawn is None or (drawn.distribution, drawn.never) == ("popularity", "log")


def oracle_scores(dataset: Dataset, log: RawLog, test: Examples, raw: Path) -> NDArray[np.float64]:
    """Return the scores of the model that made the clicks, [M].

    Args:
        dataset: The plugin.
        log: The log.
        test: The examples to score, M of them.
        raw: Where the simulated raw files are.
    """
    user, item = (
        ids.take(pa.array(numbers)).to_numpy()
        for ids, numbers in ((log.users, test.user), (log.items, test.item))
    )
    scores = dataset.oracle(raw, user, test.time, item)
    # A negative is never an item the user has met, so an item met before can only be a positive.
    scores[_met_before(log, test)] = scores.max() + 1
    return scores


def _met_before(log: RawLog, examples: Examples) -> NDArray[np.bool_]:
    """Return whether the target of each example is in its own history, [M]."""
    met = np.zeros(len(examples.item), bool)
    for first in range(0, len(met), ROWS):
        rows = slice(first, first + ROWS)
        offsets, positions = window(examples.history_start[rows], examples.history_stop[rows], -1)
        owner = np.repeat(np.arange(first, first + len(offsets) - 1), np.diff(offsets))
        hits = log.spool.columns["item"][positions] == examples.item[owner]
        met[owner[hits]] = True
    return met
