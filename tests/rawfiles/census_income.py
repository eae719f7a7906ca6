"""Drawn files in the format of Census-Income (KDD)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.datasets.census_income import COLLEGE, COLUMNS, INCOME, NUMBERS

ROWS = {"census-income.data": 300, "census-income.test": 200}
EDUCATION = ("Children", "High school graduate", *COLLEGE)
MARRIAGE = ("Never married", "Divorced", "Married-civilian spouse present")


def write(folder: Path, name: str) -> None:
    """Write census-income.data and census-income.test: values after a space, no header."""
    draw = np.random.default_rng(42)
    for file, count in ROWS.items():
        lines = [", ".join(_person(draw, row).values()) + "\n" for row in range(count)]
        (folder / file).write_text("".join(lines), encoding="utf-8")


def _person(draw: np.random.Generator, row: int) -> dict[str, str]:
    values = {column: draw.choice(["?", "yes", "no"], p=[0.1, 0.5, 0.4]) for column in COLUMNS}
    values |= {number: str(draw.integers(0, 90)) for number in NUMBERS}
    values["instance_weight"] = f"{draw.random() * 2000:.2f}"
    values["education"], values["marital_stat"] = draw.choice(EDUCATION), draw.choice(MARRIAGE)
    values["year"] = str(94 + row % 2)
    values["income"] = INCOME[int(row % 5 == 0)].strip()
    return values
