"""train.csv and test.csv of an AliExpress country: searches of a few items each."""

import numpy as np

from recbench.datasets.aliexpress import CATEGORIES, LABELS, NUMBERS, TYPES

ROWS = {"train": 400, "test": 120}


def write(folder, name):
    random = np.random.default_rng(sum(name.encode()))
    search = 30
    for part, rows in ROWS.items():
        lines = [",".join(TYPES)]
        for row in range(rows):
            search += 4 * (row % 5 == 0)
            click = row % 4 == 0
            categories = random.integers(0, 30, len(CATEGORIES))
            numbers = random.random(len(NUMBERS)).round(6) * (random.random(len(NUMBERS)) < 0.6)
            labels = [int(click), int(click and row % 3 == 0)]
            assert len(labels) == len(LABELS)
            lines.append(",".join(map(str, [search, *categories, *numbers, *labels])))
        (folder / f"{part}.csv").write_text("\n".join(lines) + "\n")
