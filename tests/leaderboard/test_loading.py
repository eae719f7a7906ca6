import subprocess
import sys

import numpy as np

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
