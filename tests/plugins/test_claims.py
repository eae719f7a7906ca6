"""The mechanism of the simulated Taobao that DIN claims to use is what makes it win."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recbench.config import RunConfig, build
from recbench.data import DataConfig, PreparedDataset, prepare
from recbench.datasets.simulated import CSV_FILE, Simulation, simulate
from recbench.datasets.taobao import CARD, Taobao
from recbench.folders import Folders
from recbench.pipeline import seed_everything, train
from recbench.plugins import find, load_model
from recbench.progress import SILENT
from recbench.training import TrainingConfig

pytestmark = pytest.mark.slow

WORLD = Simulation(
    users=6000,
    mean_events=120,
    categories=12,
    stages=3,
    brands=3,
    items_per_cell=8,
    interests=6,
    activity=0.8,
    order=0.0,
    taste=0.0,
)
SHORT = 20  # events that the models without search see
TRAINING = TrainingConfig(epochs=5, batch_size=256, learning_rate=5e-3)


def prepared(world: Simulation, folder: Path) -> PreparedDataset:
    class Planted(Taobao):
        card = replace(CARD, simulated_sizes={"planted": vars(world)})

        def simulate(self, size, folder, progress):
            simulate(world, folder)
            return {"log": folder / CSV_FILE}

    config = DataConfig("taobao", source="simulated", size="planted")
    return prepare(Planted(), config, Folders(None, folder / "cache", folder / "results"))


def validation_auc(name: str, dataset: PreparedDataset, folder: Path) -> float:
    kind = load_model(find("model", name))
    seed_everything(1)
    model = kind(dataset.schema, build(kind.Config, {"history_length": SHORT}, name))
    config = RunConfig(name, DataConfig("taobao"), training=TRAINING, device="cpu")
    return train(model, dataset, config, folder / name, SILENT).best["auc"]


@pytest.fixture
def gain(tmp_path) -> Callable[..., float]:
    """Return a function giving how much the second model's AUC is above the first's."""

    def of(lower: str, upper: str, **strengths: float) -> float:
        folder = tmp_path / str(strengths)
        dataset = prepared(replace(WORLD, **strengths), folder)
        scores = [validation_auc(name, dataset, folder) for name in (lower, upper)]
        print(f"{strengths}: {lower} {scores[0]:.4f}, {upper} {scores[1]:.4f}")  # noqa: T201
        return scores[1] - scores[0]

    return of


def test_din_gains_by_knowing_which_interest_matters(gain):
    assert gain("din-base", "din", activity=0.8) > 0.02
    assert abs(gain("din-base", "din", activity=0.0)) < 0.01
