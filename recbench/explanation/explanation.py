"""What is inside a trained model: the weights it computes with, over examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.errors import UsageError
from recbench.explanation.events import EventWeights, found_events, joined, latest_events
from recbench.explanation.examples import Examples, Ints, choose
from recbench.explanation.gates import GATE, GateUse, gate_uses
from recbench.explanation.kept import KeptRun, open_kept
from recbench.folders import Folders
from recbench.progress import SILENT, Progress
from recbench.record import RunRecord

Arrays = Mapping[str, NDArray[np.float64]]
EVENTS = ("attention", "found", "found_attention")
"""Names of weights, and of positions, of events."""


@dataclass(frozen=True)
class Explanation:
    """The weights of one trained model.

    Attributes:
        record: Its run.
        part: Which part of the data the examples are of.
        examples: How many there are.
        gates: Its layers of gates.
        events: What it attends to in histories.
        others: Mean and standard deviation of what has a name of the model's own.
        run: The run, with its data, to look up what users and items are called.
        chosen: The examples.
    """

    record: RunRecord
    part: str
    examples: int
    gates: tuple[GateUse, ...]
    events: tuple[EventWeights, ...]
    others: dict[str, tuple[float, float]]
    run: KeptRun = field(repr=False)
    chosen: Examples = field(repr=False)


def explain_run(
    path: Path, folders: Folders, part: str, count: int, progress: Progress = SILENT
) -> Explanation:
    """Run the trained model of a record on examples and return the weights it computes with.

    Args:
        path: The record; its run must have kept the model.
        folders: Where data are.
        part: `test` or `valid`; of either the features are read alone.
        count: How many examples, spread evenly over the part; of cold start, episodes.
        progress: Who is told how it goes.

    Raises:
        RecbenchError: With what is missing, or differs from the record, and how to mend it.
    """
    run = open_kept(path, folders, progress)
    chosen = choose(run.dataset, part, run.model.reads, count)
    if not len(chosen.rows):
        raise UsageError(f"the {part} part of {run.record.dataset.name} has no examples")
    weights, events = _weights(run, chosen, progress)
    if not weights and not events:
        raise UsageError(f"{run.record.model.name} explains nothing with this configuration")
    others = {name: values for name, values in weights.items() if not GATE.fullmatch(name)}
    return Explanation(
        run.record,
        part,
        len(chosen.rows),
        gate_uses(weights, run.model.expert_names),
        events,
        {name: (float(each.mean()), float(each.std())) for name, each in others.items()},
        run,
        chosen,
    )


@torch.no_grad()
def _weights(
    run: KeptRun, chosen: Examples, progress: Progress
) -> tuple[Arrays, tuple[EventWeights, ...]]:
    """Return the weights over all examples, those of events apart."""
    weights: dict[str, list[NDArray[np.float64]]] = {}
    events: dict[str, list[EventWeights]] = {}
    with progress.bar("explaining", len(chosen.rows), "samples") as bar:
        for rows, inputs in chosen.batches():
            tensors = run.model.explain(inputs)
            found = {name: each.double().numpy() for name, each in tensors.items()}
            for each in _events(chosen, rows, found):
                events.setdefault(each.name, []).append(each)
            for name in found.keys() - EVENTS:
                weights.setdefault(name, []).append(found[name])
            bar.advance(len(rows))
    order = [name for name in tensors if name in weights]
    whole = {name: _concatenated(weights[name]) for name in order}
    return whole, tuple(joined(each) for each in events.values())


def _events(chosen: Examples, rows: Ints, found: Arrays) -> list[EventWeights]:
    read = []
    if "attention" in found:
        read.append(latest_events(chosen.loader, rows, found["attention"]))
    if "found" in found:
        places = found["found"].astype(np.int64)
        read.append(found_events(chosen.loader, rows, places, found["found_attention"]))
    return read


def _concatenated(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return batches as one; flat where their widths differ, for sums over all."""
    if len({each.shape[1:] for each in parts}) == 1:
        return np.concatenate(parts)
    return np.concatenate([each.ravel() for each in parts])
