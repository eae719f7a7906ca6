"""A model gains by the mechanism that its paper claims to use: more with it than without it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recbench.config import RunConfig, build
from recbench.data import DataConfig, PreparedDataset, prepare
from recbench.datasets.simulated import CSV_FILE, BehaviourSimulation, simulate
from recbench.datasets.taobao import CARD, Taobao
from recbench.folders import Folders
from recbench.pipeline import train
from recbench.plugins import find, load_model
from recbench.progress import SILENT
from recbench.seeding import seed_everything

pytestmark = pytest.mark.slow

INTERESTS = BehaviourSimulation(
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
STAGES = BehaviourSimulation(
    users=8000,
    mean_events=60,
    categories=8,
    stages=3,
    brands=1,
    items_per_cell=12,
    interests=4,
    activity=0.8,
    order=0.95,
    taste=0.0,
)
BRANDS = BehaviourSimulation(
    users=6000,
    mean_events=150,
    categories=12,
    stages=1,
    brands=4,
    items_per_cell=24,
    interests=10,
    activity=0.8,
    order=0.0,
    taste=0.95,
)
"""One mechanism each, and few enough items that what is latent in them can be learnt from so few
events: in the larger worlds it cannot (docs/simulator.md)."""
SHORT = 20  # events that the models without search see
TRAINING = {"epochs": 6, "batch_size": 256, "learning_rate": 5e-3, "patience": 2}


def prepared(world: BehaviourSimulation, folder: Path) -> PreparedDataset:
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

    def of(world: BehaviourSimulation, lower: str, upper: str, **strengths: float) -> float:
        folder = tmp_path / str(strengths)
        dataset = prepared(replace(world, **strengths), folder)
        scores = [validation_auc(name, dataset, folder) for name in (lower, upper)]
        print(f"{strengths}: {lower} {scores[0]:.4f}, {upper} {scores[1]:.4f}")  # noqa: T201
        return scores[1] - scores[0]

    return of


def test_din_gains_by_knowing_which_interest_matters(gain):
    assert gain(INTERESTS, "din-base", "din", activity=0.8) > 0.02
    assert abs(gain(INTERESTS, "din-base", "din", activity=0.0)) < 0.01


def test_dien_gains_more_where_the_order_of_events_tells_what_comes_next(gain):
    with_order = gain(STAGES, "din", "dien", order=0.95)
    assert with_order > 0.02
    assert with_order - gain(STAGES, "din", "dien", order=0.0) > 0.005


def test_sim_gains_more_where_the_evidence_lies_beyond_the_latest_events(gain):
    with_taste = gain(BRANDS, "din", "sim", taste=0.95)
    assert with_taste > 0.02
    assert with_taste - gain(BRANDS, "din", "sim", taste=0.0) > 0.005
