"""What is measured: a model and the shape of its batches."""

from __future__ import annotations

from dataclasses import dataclass

USERS, ITEMS, CATEGORIES = 100_000, 200_000, 5_000
"""Number of ids of each field; 0 and 1 are reserved and do not occur."""

ATTENTION = (80, 40)
"""Hidden layers of DIN's attention."""

MLP = (200, 80)
"""Hidden layers of the last part, and layers of an expert in MMoE."""

EXPERTS, TOWER, TASKS = 8, (40,), 2
"""MMoE: number of experts, hidden layers of a tower, labels."""

FOUND, RECENT, HEADS, HEAD_WIDTH = 50, 50, 2, 16
"""SIM: events that the search finds, latest events read, heads of the attention and their width."""


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        name: How `--only` calls it.
        title: How tables call it.
        model: "din", "dien", "sim", "stamp" or "mmoe".
        batch: Rows of a batch, B.
        steps: Events of each history, T.
        embedding: Width of each field's vectors.
        aim: How many times the best peer's training speed is aimed at.
        fused_aim: The same over peers with fused Adam, None where there is no such aim.
    """

    name: str
    title: str
    model: str
    batch: int
    steps: int
    embedding: int
    aim: float
    fused_aim: float | None = None


CASES = (
    Case("din-t50", "DIN B1024 T50", "din", 1024, 50, 16, 3, 2.5),
    Case("din-t100", "DIN B1024 T100", "din", 1024, 100, 16, 3, 2.5),
    Case("din-t50-e64", "DIN B1024 T50, embedding 64", "din", 1024, 50, 64, 4, 2.5),
    Case("dien-t50", "DIEN B1024 T50", "dien", 1024, 50, 16, 4, 3.5),
    Case("dien-t100", "DIEN B1024 T100", "dien", 1024, 100, 16, 10, 3.5),
    Case("sim-t50", "SIM B1024 T50", "sim", 1024, 50, 16, 3),
    Case("sim-t1000", "SIM B256 T1000", "sim", 256, 1000, 16, 8),
    Case("stamp", "STAMP B256 T50, 64 wide", "stamp", 256, 50, 64, 2),
    Case("mmoe", "MMoE B1024", "mmoe", 1024, 0, 16, 1.5),
)


def case_of(name: str) -> Case:
    """Return the case called `name`."""
    return next(case for case in CASES if case.name == name)
