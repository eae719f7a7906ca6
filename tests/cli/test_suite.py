import json

import pytest

from recbench.record import RunRecord
from recbench.suite.limits import cores

SUITE = """
name = "pair"
device = "cpu"
[[grid]]
datasets = [{ name = "taobao", size = "tiny", limit = 500 }]
models = [
    { name = "popularity", paper = { taobao = { auc = 0.75 } } },
    { name = "din-base", training = { epochs = 1, optimizer = "sgd", learning_rate = 1e30 } },
    { name = "din-base", training = { epochs = 1, optimizer = "sgd", learning_rate = 1e31 } },
]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pair.toml"
    path.write_text(SUITE)
    return str(path)


def test_a_suite_is_made_its_failures_named_and_only_those_made_again(recbench, file, tmp_path):
    done = recbench("suite", file, "--threads", "1")
    assert done.status == 1
    assert "popularity" in done.out
    for rate in ("1e+30", "1e+31"):
        failure = f"FAILED din-base (training.learning_rate={rate}) on taobao, seed 1: the training"
        assert failure in done.err
    assert f"2 runs failed; to make only what failed again:\n  recbench suite {file}" in done.err
    assert done.err.rstrip().endswith("--failed")
    (row,) = (line.split() for line in done.out.splitlines() if "0.7500" in line)
    assert row[:5] == ["taobao", "time", "popularity", "auc", "0.7500"]
    assert row[6:] == ["1", "simulated,", "limited"]
    assert "They are not comparable with ours" in done.out
    (path,) = (tmp_path / "results").glob("*-v*/*/*/*.json")
    record = RunRecord.load(path)
    assert record.environment.threads == 1
    assert row[5] == f"{record.scores['auc']:.4f}"
    shown = json.loads(recbench("suite", file, "--failed", "--dry-run", "--json").out)
    assert [(each["model"], each["config"], each["state"]) for each in shown] == [
        ("din-base", "training.learning_rate=1e+30", "failed"),
        ("din-base", "training.learning_rate=1e+31", "failed"),
    ]
    assert shown[0]["why"].startswith("the training loss is")


def test_a_dry_run_makes_nothing(recbench, file, tmp_path, monkeypatch):
    done = recbench("suite", file, "--dry-run")
    assert done.status == 0
    assert done.out.endswith("3 runs: 3 waiting\n")
    assert "\ndin-base (training.learning_rate=1e+30)  taobao" in done.out
    assert not list((tmp_path / "results").rglob("*.*"))
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))  # where no data are prepared
    assert recbench("suite", file, "--dry-run").out == done.out
    assert not list((tmp_path / "cache").rglob("manifest.json"))


def test_a_dry_run_tells_runs_apart_that_differ_in_settings_or_protocol(recbench, tmp_path):
    path = tmp_path / "variants.toml"
    path.write_text(
        """
name = "variants"
[[grid]]
datasets = [
    { name = "taobao", size = "tiny" },
    { name = "taobao", size = "tiny", protocol = "mimn" },
]
models = ["din", { name = "din", config = { activation = "dice", mba_l2 = 0.01 } }]
"""
    )
    head, *rows, count = recbench("suite", str(path), "--dry-run").out.splitlines()
    assert count == "4 runs: 4 waiting"
    assert head.split() == ["model", "dataset", "protocol", "seed", "state"]
    assert len(set(rows)) == 4
    assert sum("din (activation=dice, mba_l2=0.01) " in row for row in rows) == 2
    assert sum(" mimn " in row for row in rows) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--jobs", "1000"), f"more than the {cores()} cores here; at most --jobs {cores()}"),
        (("--jobs", "0"), "give whole numbers of 1 or more"),
        (("--time-limit", "soon"), "--time-limit: 'soon' is no time; write seconds, or 30m, 2h"),
    ],
)
def test_a_mistake_exits_with_2(recbench, file, options, expected):
    done = recbench("suite", file, *options)
    assert (done.status, done.out) == (2, "")
    assert expected in done.err


def test_a_misspelt_model_refuses_the_suite(recbench, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(SUITE.replace("popularity", "popularty"))
    done = recbench("suite", str(path))
    assert done.status == 2
    assert "unknown model 'popularty'; did you mean popularity" in done.err
