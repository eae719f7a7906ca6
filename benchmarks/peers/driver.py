"""The child's side: builds a contender and runs it as often as the parent asks.

Requests come on standard input, answers go to a file descriptor of their own, for libraries print;
either is one JSON object a line.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.batch import Batch, random_batches
from benchmarks.peers.case import Case, case_of

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Contender:
    """A model and how to run it.

    Attributes:
        model: The model.
        inputs: Returns a batch as the model takes it.
        loss: Returns the training loss, a scalar, of such a batch.
        predict: Returns what the model says of such a batch.
    """

    model: nn.Module
    inputs: Callable[[Batch], Any]
    loss: Callable[[Any], Tensor]
    predict: Callable[[Any], Tensor]


class Runner:
    """Runs steps of one contender and times them."""

    def __init__(self, contender: Contender, batches: Sequence[Batch], *, fused: bool) -> None:
        """Make the optimizer and lay the batches ready."""
        self._contender = contender
        self._batches = cycle([contender.inputs(batch) for batch in batches])
        parameters = contender.model.parameters()
        # None is what a trainer passes that does not ask for it.
        self._optimizer = torch.optim.Adam(parameters, LEARNING_RATE, fused=fused or None)

    def train(self, steps: int) -> list[float]:
        """Train for one step that is not counted and `steps` more; return the seconds of these."""
        self._contender.model.train()
        return [self._timed(self._train) for _ in range(steps + 1)][1:]

    def predict(self, steps: int) -> list[float]:
        """Predict as often; return the seconds."""
        self._contender.model.eval()
        with torch.inference_mode():
            return [self._timed(self._contender.predict) for _ in range(steps + 1)][1:]

    def loss(self) -> float:
        """Return the loss of a batch."""
        with torch.no_grad():
            return float(self._contender.loss(next(self._batches)))

    def _train(self, batch: Any) -> None:
        self._optimizer.zero_grad()
        self._contender.loss(batch).backward()
        self._optimizer.step()

    def _timed(self, step: Callable[[Any], object]) -> float:
        batch = next(self._batches)
        start = perf_counter()
        step(batch)
        return perf_counter() - start


def serve(package: str, models: Mapping[str, Callable[[Case], Contender]]) -> None:
    """Build what the command line asks for, say what it is, then answer until input ends.

    The command line holds the case's name, the number of threads, whether Adam is "fused", and the
    file descriptor that answers go to.
    """
    name, threads, fused, descriptor = sys.argv[1:]
    answers = os.fdopen(int(descriptor), "w")
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    case = case_of(name)
    contender = models[case.model](case)
    runner = Runner(contender, random_batches(case), fused=fused == "fused")
    loss = runner.loss()
    if not math.isfinite(loss):
        raise ValueError(f"the loss is {loss}")
    _answer(
        answers,
        {
            "about": f"{package} {version(package)}, torch {torch.__version__}",
            "parameters": sum(each.numel() for each in contender.model.parameters()),
            "loss": loss,
        },
    )
    for line in sys.stdin:
        request = json.loads(line)
        if request["run"] == "memory":
            _answer(answers, {"bytes": peak_memory()})
        else:
            run = {"training": runner.train, "inference": runner.predict}[request["run"]]
            _answer(answers, {"seconds": run(request["steps"])})


def peak_memory() -> int:
    """Return the most memory this process has had resident, in bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return 1024 * int(found[1])


def _answer(answers: Any, content: dict[str, Any]) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()
