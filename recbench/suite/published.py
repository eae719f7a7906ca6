"""A paper's scores beside ours, for the suites that make its table again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recbench.plain import canonical_json
from recbench.suite.file import Suite
from recbench.suite.runs import Cell

CAUTION = (
    "The paper's numbers are for orientation. They are not comparable with ours: data, split, "
    "negatives, selection and settings differ."
)


@dataclass(frozen=True)
class Published:
    """A score of a paper, and what our runs have come to.

    Attributes:
        dataset: The dataset's name.
        protocol: The protocol of our runs.
        model: The model's name, and the options in which it differs from its defaults.
        score: The name of the score.
        paper: What the paper reports.
        ours: The mean over our runs.
        seeds: How many these are.
        data: What they are of: `real` or `simulated`, and whether it is a part alone.
    """

    dataset: str
    protocol: str
    model: str
    score: str
    paper: float
    ours: float
    seeds: int
    data: str


def published(suite: Suite, cells: Sequence[Cell]) -> list[Published]:
    """Return the paper's scores of those models of a suite that have a record, in its order."""
    found = []
    for config, scores in suite.cells():
        own = [cell.record for cell in cells if cell.config.hash == config.hash]
        records = [record for record in own if record is not None]
        if not records:
            continue
        data = records[0].dataset
        options = (f"{name}={canonical_json(value)}" for name, value in config.model_config.items())
        for score, number in scores.items():
            found.append(
                Published(
                    data.name,
                    data.protocol,
                    " ".join((config.model, *options)),
                    score,
                    number,
                    float(np.mean([record.scores.get(score, np.nan) for record in records])),
                    len(records),
                    data.source if data.limit is None else f"{data.source}, limited",
                )
            )
    return found
