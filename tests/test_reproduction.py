from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from recbench.cli import app
from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import RecbenchError, UsageError
from recbench.pipeline import run
from recbench.record import RunRecord
from recbench.reproduction import reproduce
from recbench.scored import load_predictions

CONFIG = RunConfig(
    "din-base",
    DataConfig("taobao", size="tiny", limit=2000),
    {"embedding_dim": 4, "mlp": (8,)},
    {"epochs": 1},
    device="cpu",
)


@pytest.fixture
def path(run_folders):
    """The record of a run."""
    return run(CONFIG, run_folders).path(run_folders.results)


def test_a_run_made_again_agrees_to_the_last_bit_and_leaves_the_record(path, run_folders):
    before = path.read_bytes()
    found = reproduce(path, run_folders)
    assert found.exact
    assert set(found.differences.values()) == {0.0}
    assert path.read_bytes() == before


def test_another_result_is_said_with_what_may_explain_it(path, run_folders):
    content = json.loads(path.read_text())
    content["scores"]["auc"] -= 0.25
    content["environment"]["torch"] = "1.0"
    path.write_text(json.dumps(content))
    found = reproduce(path, run_folders)
    assert not found.exact
    assert found.differences["auc"] == pytest.approx(0.25)
    assert any(note.startswith("torch was 1.0") for note in found.notes)
    arguments = ["reproduce", str(path), "--cache-dir", str(run_folders.cache)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 1
    assert "differs" in shown.output


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("label", lambda column: 1 - column),
        ("user", lambda column: column[::-1]),
        ("prediction", lambda column: np.where(column == column.max(), np.nan, column)),
        ("prediction", None),
    ],
)
def test_every_column_of_the_predictions_is_compared(path, run_folders, name, change):
    rows = dict(load_predictions(path))
    column = rows.pop(name)
    RunRecord.load(path).save(
        run_folders.results, rows if change is None else rows | {name: change(column)}
    )
    found = reproduce(path, run_folders)
    assert not found.exact
    assert found.columns == (name,)


def test_a_score_that_is_undefined_in_both_runs_agrees(run_folders):
    """Of so few rows no user has both a click and a non-click."""
    few = replace(CONFIG, data=replace(CONFIG.data, limit=20))
    path = run(few, run_folders).path(run_folders.results)
    assert math.isnan(RunRecord.load(path).scores["gauc"])
    assert reproduce(path, run_folders).exact


def test_a_record_of_a_gpu_is_made_again_where_it_is_asked_for(path, run_folders):
    content = json.loads(path.read_text())
    content["config"]["device"] = "cuda:5"
    content["environment"]["device"] = "cuda (Card X)"
    path.write_text(json.dumps(content))
    found = reproduce(path, run_folders, device="cpu")
    assert found.exact  # for it was made here
    assert found.again.config["device"] == "cpu"
    assert "the device was cuda (Card X) and is cpu" in found.notes
    arguments = ["reproduce", str(path), "--cache-dir", str(run_folders.cache)]
    assert CliRunner().invoke(app, [*arguments, "--device", "cpu"]).exit_code == 0
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device 'cuda' cannot be used: .*; try --device auto"):
            reproduce(path, run_folders)


def test_a_record_of_other_data_cannot_be_reproduced(path, run_folders):
    content = json.loads(path.read_text())
    content["dataset"]["fingerprints"]["train"] = "0" * 64
    path.write_text(json.dumps(content))
    with pytest.raises(RecbenchError, match="another fingerprint of its train part"):
        reproduce(path, run_folders)
