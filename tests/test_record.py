import errno
import json
import math
import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import recbench.record
from recbench.errors import RecbenchError
from recbench.plain import digest
from recbench.provenance import Environment, GitState
from recbench.record import (
    DatasetRecord,
    Fingerprints,
    ModelRecord,
    RunRecord,
    Seconds,
    predictions_path,
)

CONFIG = {"models": "din", "training": {"epochs": 2}}
RECORD = RunRecord(
    key=digest("key"),
    config=CONFIG,
    config_hash=digest(CONFIG),
    seed=3,
    task="ctr",
    dataset=DatasetRecord(
        name="taobao",
        version=2,
        protocol="time",
        source="simulated",
        size="tiny",
        limit=None,
        fingerprints=Fingerprints("a", "b", "c"),
        attainable={"auc": 0.9},
        leakage={"test_before_train": 0},
    ),
    model=ModelRecord("din", "recbench", "0.1.0", "abc", {"embedding_dim": 16}),
    scores={"auc": 0.7, "gauc": 0.65, "logloss": 0.6},
    validation={"auc": 0.71},
    metric_versions={"auc": 1, "gauc": 1, "logloss": 1},
    scored_users=40,
    curve=[{"epoch": 1, "loss": 0.69, "auc": 0.6}],
    parameters=1000,
    seconds=Seconds(prepare=1.0, train=2.0, evaluate=0.5),
    train_samples_per_second=5000.0,
    peak_memory_mb=300.0,
    operators={"local_activation": "cpu"},
    environment=Environment("3.11", "2.13", "0.1.0", "Linux", "a cpu", 1, "cpu"),
    git=GitState("0" * 40, dirty=False),
    created="2026-01-01T00:00:00+00:00",
)
PREDICTIONS = {
    "logits": np.array([0.5, -1.0], np.float32),
    "labels": np.array([1, 0]),
    "users": np.array([7, 8]),
}


def rewrite(path, change):
    """Apply `change` to the data of the record at `path`."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_saved_record_loads_as_it_was(tmp_path):
    path = RECORD.save(tmp_path, PREDICTIONS)
    assert RunRecord.load(path) == RECORD
    assert path == (tmp_path / "taobao-v2" / "time" / "din" / f"{RECORD.config_hash[:12]}-s3.json")


def test_optional_parts_may_be_absent(tmp_path):
    record = replace(
        RECORD, git=None, scored_users=None, train_samples_per_second=None, peak_memory_mb=None
    )
    assert RunRecord.load(record.save(tmp_path, PREDICTIONS)) == record


def test_predictions_lie_beside_the_record(tmp_path):
    path = predictions_path(RECORD.save(tmp_path, PREDICTIONS))
    table = pa.ipc.open_file(path).read_all()
    assert path.name.endswith("-s3.predictions.arrow")
    assert table.column_names == list(PREDICTIONS)
    for name, column in PREDICTIONS.items():
        np.testing.assert_array_equal(table[name].to_numpy(), column, strict=True)


def test_the_file_is_sorted_indented_json_with_null_for_nan(tmp_path):
    scores = {"auc": math.nan, "gauc": 0.6, "logloss": 0.5}
    path = replace(RECORD, scores=scores).save(tmp_path, PREDICTIONS)
    text = path.read_text()
    data = json.loads(text)
    assert text == json.dumps(data, indent=2, sort_keys=True) + "\n"
    assert data["schema_version"] == 1
    assert data["scores"] == {"auc": None, "gauc": 0.6, "logloss": 0.5}
    assert math.isnan(RunRecord.load(path).scores["auc"])


def test_saving_again_replaces_both_files(tmp_path):
    RECORD.save(tmp_path, PREDICTIONS)
    again = replace(RECORD, parameters=2000)
    path = again.save(tmp_path, {"logits": np.zeros(3)})
    assert RunRecord.load(path).parameters == 2000
    assert pa.ipc.open_file(predictions_path(path)).read_all().num_rows == 3
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.parametrize("full_at", [1, 2])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, full_at):
    path = RECORD.save(tmp_path, PREDICTIONS)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    failed = path if full_at == 2 else predictions_path(path)
    with pytest.raises(RecbenchError, match="No space left on device") as caught:
        replace(RECORD, parameters=5).save(tmp_path, {"logits": np.zeros(3)})
    assert str(failed) in str(caught.value)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_results_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taobao-v2").write_text("in the way")
    with pytest.raises(RecbenchError, match="cannot write .*taobao-v2"):
        RECORD.save(tmp_path, PREDICTIONS)


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden"])
def test_a_name_cannot_lead_out_of_the_results_folder(tmp_path, name):
    with pytest.raises(RecbenchError, match="cannot name a folder"):
        replace(RECORD, model=replace(RECORD.model, name=name)).save(tmp_path, PREDICTIONS)


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(RecbenchError, match=r"cannot read the record .*gone\.json: No such file"):
        RunRecord.load(tmp_path / "gone.json")


@pytest.mark.parametrize("text", ["", "{", "\x80"])
def test_a_damaged_record_is_named(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecbenchError, match=r"bad\.json is not valid JSON .* run it again"):
        RunRecord.load(path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema_version": "1"}'])
def test_other_json_is_told_from_a_record(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(RecbenchError, match=r"other\.json: not a run record"):
        RunRecord.load(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data.pop("seed"), "field 'seed' is missing"),
        (lambda data: data["git"].update(branch="main"), "field 'git.branch' is unknown"),
        (lambda data: data["dataset"].update(version="2"), "field 'dataset.version' must be int"),
        (lambda data: data["scores"].update(auc="high"), "field 'scores.auc' must be float"),
        (lambda data: data["scores"].update(mae=0.5), "must name the same scores"),
        (lambda data: data.update(scores={}, metric_versions={}), "must name the same scores"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path, change, problem):
    path = RECORD.save(tmp_path, PREDICTIONS)
    rewrite(path, change)
    with pytest.raises(RecbenchError) as caught:
        RunRecord.load(path)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)


def test_a_newer_record_asks_for_an_upgrade(tmp_path):
    path = RECORD.save(tmp_path, PREDICTIONS)
    rewrite(path, lambda data: data.update(schema_version=2, surprise=1))
    with pytest.raises(RecbenchError, match="schema_version 2 is newer than 1.*upgrade recbench"):
        RunRecord.load(path)


def test_an_older_record_migrates_step_by_step(tmp_path, monkeypatch):
    path = RECORD.save(tmp_path, PREDICTIONS)

    def to_old(data):
        data["schema_version"] = -1
        data["random_seed"] = str(data.pop("seed"))

    rewrite(path, to_old)
    steps = {
        -1: lambda data: {**data, "random_seed": int(data["random_seed"])},
        0: lambda data: {"seed": data.pop("random_seed"), **data},
    }
    monkeypatch.setattr(recbench.record, "MIGRATIONS", steps)
    assert RunRecord.load(path) == RECORD


def test_a_record_too_old_to_migrate_says_so(tmp_path):
    path = RECORD.save(tmp_path, PREDICTIONS)
    rewrite(path, lambda data: data.update(schema_version=0))
    with pytest.raises(RecbenchError, match="schema_version 0 is too old to read"):
        RunRecord.load(path)
