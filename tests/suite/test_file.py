from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recbench.data import DataConfig
from recbench.errors import UsageError
from recbench.folders import Folders
from recbench.pipeline import plan
from recbench.suite.file import load_suite

SUITES = sorted(Path(__file__).parents[2].glob("suites/*.toml"))
SMALL = """
name = "small"
seeds = [1, 2]
threads = 2
[source]
paper = "A paper"
table = "Table 3"
[training]
epochs = 2
batch_size = 64
[[grid]]
datasets = ["ml-100k", { name = "taobao", protocol = "time", size = "tiny" }]
models = ["din", { name = "sim", config = { top_k = 5 }, training = { epochs = 1 } }]
training = { batch_size = 32 }
"""


@pytest.fixture
def load(tmp_path):
    def load_(text):
        path = tmp_path / "small.toml"
        path.write_text(text)
        return load_suite(path)

    return load_


def test_a_suite_is_every_model_on_every_dataset_with_every_seed(load):
    suite = load(SMALL)
    assert (suite.threads, suite.source.table, suite.device) == (2, "Table 3", "auto")
    configs = suite.configs()
    assert [(c.model, c.data.dataset, c.seed) for c in configs] == [
        (model, dataset, seed)
        for dataset in ("ml-100k", "taobao")
        for model in ("din", "sim")
        for seed in (1, 2)
    ]
    assert configs[4].data == DataConfig("taobao", "time", "auto", "tiny", 0)
    assert (configs[0].training, configs[0].model_config) == ({"epochs": 2, "batch_size": 32}, {})
    assert (configs[2].training["epochs"], configs[2].model_config) == (1, {"top_k": 5})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seeds =", "seed =", "unknown field of the suite: 'seed'; did you mean seeds"),
        ("table =", "tables =", "unknown field of source: 'tables'; did you mean table"),
        ("datasets =", "dataset =", "datasets of grid 1: give a list of one or more"),
        (
            "protocol =",
            "protocols =",
            "field of datasets of grid 1: 'protocols'; did you mean protoc",
        ),
        ("config =", "configs =", "field of models of grid 1: 'configs'; did you mean config"),
        ("epochs = 2", "epoch = 2", "unknown field of training: 'epoch'; did you mean epochs"),
        ("batch_size = 32", "batch_size = 0", "training.batch_size is 0; at least 1"),
        ('"din", {', '"din", "din", {', "the same run is there twice"),
        (
            "top_k = 5 }",
            "top_k = 5 }, paper = { taobao = { auc = 0.9 } }",
            "dataset of the grid in",
        ),
        (
            "top_k = 5 }",
            "top_k = 5 }, paper = { ml-100k = 0.9 }",
            "ml-100k must be a table of scor",
        ),
        (
            "top_k = 5 }",
            "top_k = 5 }, paper = { ml-100k = { auk = 0.9 } }",
            "unknown metric 'auk'; did you mean auc",
        ),
        (
            "top_k = 5 }",
            "top_k = 5 }, paper = { ml-100k = { auc = '0.9' } }",
            "auc must be a number, got '0.9'",
        ),
        ("threads = 2", "threads = 0", "threads must be 1 or more"),
        ("threads = 2", "memory_limit = -1.0", "the memory limit is -1 GiB; 0 for none, or more"),
        ("threads = 2", "memory_limit = nan", "the suite: field 'memory_limit' must be finite"),
        ("threads = 2", 'time_limit = "2 hours"', "time_limit: '2 hours' is no time; write"),
        ("seeds = [1, 2]", "seeds = 3", "the suite: field 'seeds' must be tuple, got 3"),
        ("[[grid]]", "[grid]", "grid: give a list of one or more"),
        ('name = "small"', 'name = "small', "is not TOML"),
    ],
)
def test_a_mistake_is_an_error_that_names_file_and_mend(load, old, new, expected):
    with pytest.raises(UsageError, match=f"small.toml.*{expected}"):
        load(SMALL.replace(old, new, 1))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read the suite"):
        load_suite(tmp_path / "none.toml")


@pytest.mark.parametrize("path", SUITES, ids=[path.stem for path in SUITES])
def test_every_run_of_the_committed_suites_names_what_exists_and_fits(path, tmp_path):
    suite = load_suite(path)
    assert suite.name == path.stem
    assert suite.source.note or suite.source.table
    folders = Folders(tmp_path, tmp_path / "cache", tmp_path / "results")
    for config in suite.configs():
        if config.seed == suite.seeds[0]:
            plan(replace(config, device="cpu"), folders)


def test_the_mission_has_every_model(tmp_path):
    from recbench.plugins import discover

    own = {plugin.name for plugin in discover("model") if plugin.distribution == "recbench"}
    for name in ("mission", "quick"):
        (path,) = (path for path in SUITES if path.stem == name)
        assert {config.model for config in load_suite(path).configs()} == own


def test_a_wrong_key_is_told_before_what_is_missing_for_it(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text('name = "x"\nseeds = [1]\ngrids = []\n')
    with pytest.raises(UsageError, match="unknown field of the suite: 'grids'; did you mean grid"):
        load_suite(path)
