from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.folders import Folders
from recbench.pipeline import run
from recbench.record import predictions_path, state_path

TRAINING = {"epochs": 1}
SMALL = {"embedding_dim": 4, "mlp": (8,), "history_length": 20}
CONFIGS = {
    "din": RunConfig(
        "din", DataConfig("taobao", size="tiny", limit=400), SMALL, TRAINING, seed=3, device="cpu"
    ),
    "sim": RunConfig(
        "sim", DataConfig("taobao", size="tiny", limit=400),
        {**SMALL, "search": "hard", "top_k": 5}, TRAINING, device="cpu",
    ),
    "ple": RunConfig("ple", DataConfig("mmoe-synthetic", size="tiny"), {}, TRAINING, device="cpu"),
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A run that kept its model."""

    path: Path
    folders: Folders


@pytest.fixture(scope="session")
def finished(tiny_folders, tmp_path_factory):
    """Return a function that returns the run of a model, made once."""
    folders = replace(tiny_folders, results=tmp_path_factory.mktemp("kept") / "results")
    made: dict[str, Path] = {}

    def finish(model: str) -> Kept:
        if model not in made:
            made[model] = run(CONFIGS[model], folders, keep_model=True).path(folders.results)
        return Kept(made[model], folders)

    return finish


@pytest.fixture
def copy_of(finished, tmp_path):
    """Return a function that copies the run of a model to results of the test's own."""

    def copy(model: str) -> Kept:
        kept = finished(model)
        folders = replace(kept.folders, results=tmp_path / "results")
        path = folders.results / kept.path.relative_to(kept.folders.results)
        path.parent.mkdir(parents=True)
        for each in (kept.path, state_path(kept.path), predictions_path(kept.path)):
            shutil.copy(each, path.parent)
        return Kept(path, folders)

    return copy
