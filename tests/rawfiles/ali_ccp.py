"""The four raw files of Ali-CCP, and the three numbered ones: visits of some rows each."""

import numpy as np

from recbench.datasets.ali_ccp import ENCODED
from recbench.datasets.ali_ccp_raw import OF_ROW, OF_VISIT, SEVERAL

VISITS = {"train": 60, "test": 20}
ENCODED_ROWS = {"train": 100, "val": 50, "test": 50}


def features(*triples):
    return "\x01".join(f"{field}\x02{value}\x03{weight}" for field, value, weight in triples)


def write(folder, name):
    random = np.random.default_rng(408)
    sample = 0
    for part, visits in VISITS.items():
        common, skeleton = [], []
        for visit in range(visits):
            shared = [(field, random.integers(1000, 1020), 1.0) for field in OF_VISIT]
            for field in SEVERAL:
                shared += [(field, random.integers(2000, 2050), round(random.random() + 0.1, 2))
                           for _ in range(random.integers(0, 6))]  # fmt: skip
            common.append(f"{part}{visit:04x},{len(shared)},{features(*shared)}")
            for _ in range(random.integers(2, 9)):
                sample += 1
                own = [(field, random.integers(3000, 3060), 1.0) for field in OF_ROW]
                own += [("210", random.integers(3000, 3060), 1.0)] * (sample % 3)
                click = int(sample % 4 == 0)
                bought = int(sample % 12 == 0 or sample % 100 == 7)
                skeleton.append(
                    f"{sample},{click},{bought},{part}{visit:04x},{len(own)},{features(*own)}"
                )
        (folder / f"common_features_{part}.csv").write_text("\n".join(common) + "\n")
        (folder / f"sample_skeleton_{part}.csv").write_text("\n".join(skeleton) + "\n")
    for part, rows in ENCODED_ROWS.items():
        lines = [",".join(ENCODED)]
        for row in range(rows):
            values = [
                round(random.random(), 4) if column.startswith("D") else random.integers(0, 40)
                for column in list(ENCODED)[2:]
            ]
            lines.append(",".join(map(str, [int(row % 5 == 0), int(row % 20 == 0), *values])))
        (folder / f"ali_ccp_{part}_sample.csv").write_text("\n".join(lines) + "\n")
