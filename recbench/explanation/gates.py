"""How much of each expert the gates of a model take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GATE = re.compile(r"(gate\d*)/(.+)")
"""Names of weights that are a gate's: the layer and the column of its table."""


@dataclass(frozen=True)
class Column:
    """The weights of one gate over examples.

    Attributes:
        mean: Mean weight of each expert, [E].
        deviation: Its standard deviation over examples, [E].
        entropy: Mean entropy of an example's weights, as a share of that of equal weights for all
            experts that the gate ever takes: 1 if all have their part, 0 if one has it all; nan
            where the gate has one expert.
    """

    mean: Floats
    deviation: Floats
    entropy: float


@dataclass(frozen=True)
class GateUse:
    """A layer of gates over the same experts.

    Attributes:
        name: Its name, such as gate2.
        experts: What each expert is called.
        columns: Each gate by what it mixes for, mostly a label.
    """

    name: str
    experts: tuple[str, ...]
    columns: dict[str, Column]


def gate_uses(weights: Mapping[str, Floats], names: Sequence[str]) -> tuple[GateUse, ...]:
    """Return the layers of gates among the weights of a model.

    Args:
        weights: All that the model explains, each [M, ...].
        names: What the model calls its experts; empty for numbers.
    """
    layers: dict[str, dict[str, Floats]] = {}
    for name, values in weights.items():
        if (match := GATE.fullmatch(name)) and values.ndim == 2:
            layers.setdefault(match[1], {})[match[2]] = values
    uses = []
    for name, gates in layers.items():
        number = max(values.shape[1] for values in gates.values())
        experts = tuple(names) or tuple(f"expert {n}" for n in range(1, number + 1))
        uses.append(GateUse(name, experts, {column: _use(own) for column, own in gates.items()}))
    return tuple(uses)


def _use(weights: Floats) -> Column:
    taken = np.count_nonzero(weights.any(0))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(weights > 0, weights * np.log(weights), 0.0)
        entropy = float(-terms.sum(1).mean() / np.log(taken)) if taken > 1 else float("nan")
    return Column(weights.mean(0), weights.std(0), entropy)
