"""Speed of the data plane: both implementations side by side, and whole batches."""

import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import Loader, gather

SHAPES = {"B1024-T50": (1024, 50), "B256-T10k": (256, 10_000)}
EVENTS = 5_000_000


@pytest.fixture(scope="module")
def column():
    return np.random.default_rng(0).integers(0, 1 << 20, EVENTS).astype(np.int32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_gather(benchmark, column, shape, implementation):
    if implementation == "native" and gather.implementation() != "native":
        pytest.skip(gather.implementation())
    rows, length = SHAPES[shape]
    starts = np.random.default_rng(1).integers(0, EVENTS - length, rows)
    positions = (starts[:, None] + np.arange(length)).ravel()
    if implementation == "native":
        benchmark(gather.gather, column, positions)
    else:
        benchmark(lambda: column[positions].astype(np.int64))


@pytest.mark.parametrize(
    "reads", [Reads(50), Reads(None), Reads(50, 50)], ids=["recent", "all", "recent+category"]
)
def test_epoch_of_batches(benchmark, taobao, reads):
    loader = Loader(taobao, taobao.part("train"), reads, 1024)
    examples = benchmark(lambda: sum(len(batch) for batch in loader.epoch(1)))
    benchmark.extra_info["examples"] = examples
