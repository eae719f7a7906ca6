"""Speed of a training step and of prediction, for every model that learns by gradients."""

import pytest
import torch

from recbench.batch import CTRBatch
from recbench.config import build
from recbench.data import Loader
from recbench.plugins import find, load_model
from recbench.training import TrainingConfig
from recbench.training.optimizer import make_optimizer

MODELS = ["logistic-regression", "din-base", "din", "dien", "sim"]
BATCH = 1024


@pytest.fixture
def model_and_batch(request, taobao) -> tuple[torch.nn.Module, CTRBatch]:
    torch.manual_seed(0)
    kind = load_model(find("model", request.param))
    model = kind(taobao.schema, build(kind.Config, {}, request.param))
    return model, next(Loader(taobao, taobao.part("train"), model.reads, BATCH).epoch(1))


@pytest.mark.parametrize("model_and_batch", MODELS, indirect=True)
def test_training_step(benchmark, model_and_batch):
    model, batch = model_and_batch
    optimizer = make_optimizer(model.parameters(), TrainingConfig())

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        model.loss(batch).backward()
        optimizer.step()

    benchmark.extra_info["samples"] = BATCH
    benchmark(step)


@pytest.mark.parametrize("model_and_batch", MODELS, indirect=True)
def test_prediction(benchmark, model_and_batch):
    model, batch = model_and_batch
    model.eval()
    benchmark.extra_info["samples"] = BATCH
    with torch.inference_mode():
        benchmark(model, batch.features)
