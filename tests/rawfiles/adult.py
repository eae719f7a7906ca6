"""A drawn file in the format of Adult with a header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.datasets.adult import COLUMNS

ROWS = 300
HEADER = (
    "age,workclass,fnlwgt,education,educational-num,marital-status,occupation,relationship,race,"
    "gender,capital-gain,capital-loss,hours-per-week,native-country,income"
)
CHOICES = {
    "workclass": ("Private", "State-gov", "?"),
    "education": ("HS-grad", "Bachelors"),
    "marital_status": ("Never-married", "Divorced", "Married-civ-spouse"),
    "occupation": ("Sales", "Tech-support", "?"),
    "relationship": ("Husband", "Own-child"),
    "race": ("White", "Black"),
    "sex": ("Male", "Female"),
    "native_country": ("United-States", "Mexico", "?"),
    "income": ("<=50K", ">50K"),
}


def write(folder: Path, name: str) -> None:
    """Write adult.csv."""
    draw = np.random.default_rng(48)
    lines = [HEADER]
    for _ in range(ROWS):
        values = [
            draw.choice(CHOICES[column]) if column in CHOICES else str(draw.integers(17, 90))
            for column in COLUMNS
        ]
        lines.append(",".join(values))
    (folder / "adult.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
