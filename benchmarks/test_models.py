"""Speed of a training step and of prediction, for every model that learns by gradients."""

from dataclasses import dataclass

import pytest
import torch

from recbench.batch import Batch
from recbench.config import build
from recbench.data import open_loader
from recbench.errors import TrainingError
from recbench.model import Model
from recbench.plugins import find, load_model
from recbench.training import TrainingConfig
from recbench.training.graphs import CUDARecorder, StepGraphs
from recbench.training.optimizer import make_optimizer

FAMILIES = {
    ("taobao", ""): ("logistic-regression", "din-base", "din", "dien", "sim"),
    ("diginetica", ""): ("gru4rec", "stmp", "stamp"),
    ("mmoe-synthetic", ""): ("single-task", "shared-bottom", "moe", "mmoe", "ple"),
    ("ml-100k-coldstart", "states"): ("melu",),
    ("ml-100k-coldstart", "phases"): ("random-embedding", "meta-embedding", "mwuf"),
}
"""Models by the dataset and protocol whose tiny simulation they are timed on."""
CASES = [pytest.param((name, *data), id=name) for data, names in FAMILIES.items() for name in names]
EXAMPLES, EPISODES = 1024, 32
"""Most examples a batch, or episodes where there are any."""


@dataclass
class Timed:
    """A model and a batch of its training part."""

    model: Model
    batch: Batch


@pytest.fixture(params=CASES)
def timed(request, simulated) -> Timed:
    name, dataset, protocol = request.param
    data = simulated(dataset, protocol)
    torch.manual_seed(0)
    kind = load_model(find("model", name))
    model = kind(data.schema, build(kind.Config, {}, name))
    part = data.part("train")
    size = EXAMPLES if part.episodes is None else EPISODES
    return Timed(model, next(iter(open_loader(data, part, model.reads, size).epoch(1))))


def test_training_step(benchmark, timed):
    """A step; of meta-embedding and mwuf that of their second stage."""
    optimizer = make_optimizer(timed.model.parameters(), TrainingConfig())

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        timed.model.loss(timed.batch).backward()
        optimizer.step()

    benchmark.extra_info["samples"] = len(timed.batch)
    benchmark(step)


@pytest.mark.cuda
@pytest.mark.parametrize("graphs", [False, True], ids=["launched", "replayed"])
def test_training_step_on_a_gpu(benchmark, timed, graphs):
    """A step, waited for: launched kernel by kernel, or replayed as a CUDA graph."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and PyTorch finds none")
    device = torch.device("cuda")
    model, batch = timed.model.to(device), timed.batch.to(device)
    optimizer = make_optimizer(model.parameters(), TrainingConfig())

    def launched(batch: Batch) -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(batch)
        loss.backward()
        return loss.detach()

    gradients = StepGraphs(launched, model, CUDARecorder(device)) if graphs else launched

    def step() -> None:
        gradients(batch)
        optimizer.step()
        torch.cuda.synchronize()

    try:
        for _ in range(3):
            step()
    except TrainingError as error:
        pytest.skip(str(error))
    benchmark.extra_info["samples"] = len(batch)
    benchmark(step)


@torch.no_grad()
def test_prediction(benchmark, timed):
    timed.model.eval()
    benchmark.extra_info["samples"] = len(timed.batch)
    benchmark(timed.model.predict, timed.batch.inputs)
