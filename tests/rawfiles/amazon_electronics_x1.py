"""Small files as AmazonElectronics_x1 has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = "label,user_id,item_id,cate_id,item_history,cate_history\n"
USERS, ITEMS, CATEGORIES = 60, 50, 7


def write(folder: Path, name: str) -> None:
    """Write train.csv and test.csv: after each review the next one, and another item."""
    random = np.random.default_rng(7)
    train, test = [], []
    for user in range(USERS):
        items = random.permutation(ITEMS)[: random.integers(3, 9)]
        for place in range(1, len(items)):
            past = items[:place]
            joined = "^".join(map(str, past)), "^".join(str(each % CATEGORIES) for each in past)
            other = int(random.integers(ITEMS))
            rows = test if place == len(items) - 1 else train
            for label, item in ((1, items[place]), (0, other)):
                rows.append(f"{label},{user},{item},{item % CATEGORIES},{','.join(joined)}\n")
    random.shuffle(train)
    for file, rows in (("train.csv", train), ("test.csv", test)):
        (folder / file).write_text(HEADER + "".join(rows))
