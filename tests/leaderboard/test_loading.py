import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from recbench.leaderboard import load_records


def test_records_are_found_and_bad_files_are_named(make_record, tmp_path):
    predictions = {"prediction": np.zeros(1, np.float32)}
    path = make_record().save(tmp_path, predictions)
    make_record(seed=2).save(tmp_path, predictions)
    (path.parent / "broken-s9.json").write_text("{", encoding="utf-8")
    records, problems = load_records(tmp_path)
    assert sorted(record.seed for record in records) == [1, 2]
    assert len(problems) == 1
    assert "broken-s9.json" in problems[0]


def test_a_copy_of_a_record_is_no_other_seed(make_record, tmp_path):
    path = make_record().save(tmp_path, {"prediction": np.zeros(1, np.float32)})
    copy = path.with_name(f"{path.stem} (1).json")
    shutil.copy(path, copy)
    records, problems = load_records(tmp_path)
    assert len(records) == 1
    assert problems == [f"{copy}: its place is {path}; move it there, or delete it"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[]", "not a run record"),
        (b'{"schema_version": 99}', "upgrade recbench"),
        (b'{"schema_version": 1}', "is missing"),
    ],
)
def test_what_is_wrong_with_a_bad_file_is_told(tmp_path, content, reason):
    path = tmp_path / "taobao-v1" / "time" / "din" / "0123456789ab-s1.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    records, (problem,) = load_records(tmp_path)
    assert records == []
    assert str(path) in problem
    assert reason in problem


def test_a_folder_in_place_of_a_record_is_a_problem(tmp_path):
    (tmp_path / "taobao-v1" / "time" / "din" / "0123456789ab-s1.json").mkdir(parents=True)
    records, problems = load_records(tmp_path)
    assert (records, len(problems)) == ([], 1)


def test_a_folder_without_records_has_none(tmp_path):
    assert load_records(tmp_path / "nowhere") == ([], [])


def test_unfinished_runs_are_no_records(make_record, tmp_path):
    state = tmp_path / ".runs" / "key"
    state.mkdir(parents=True)
    (state / "state.json").write_text("{}", encoding="utf-8")
    assert load_records(tmp_path) == ([], [])


def test_the_leaderboard_imports_neither_torch_nor_a_model():
    code = (
        "import sys, recbench.leaderboard;"
        "print(sorted({'torch', 'duckdb', 'recbench.model'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_record_with_a_metric_of_a_newer_recbench_is_named_and_hides_no_other(
    make_record, tmp_path
):
    predictions = {"prediction": np.zeros(1, np.float32)}
    make_record().save(tmp_path, predictions)
    newer = replace(make_record("sim", metric_versions={"novelty": 1}), scores={"novelty": 0.5})
    path = newer.save(tmp_path, predictions)
    records, problems = load_records(tmp_path)
    assert [record.model.name for record in records] == ["din"]
    assert problems == [f"{path}: metric 'novelty' is not known here; upgrade recbench"]
