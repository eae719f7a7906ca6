"""Which runs can be made, and with which settings."""

from dataclasses import asdict, replace

import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import DataError, PluginError, UsageError
from recbench.folders import Folders
from recbench.pipeline import check, run
from recbench.training import TrainingConfig

DATA = DataConfig("taobao", size="tiny", limit=2000)
POPULARITY = RunConfig("popularity", DATA, device="cpu")
BASE = RunConfig("din-base", DATA, {"embedding_dim": 4, "mlp": (8,)}, {"epochs": 1}, device="cpu")
OTHER = """
    from recbench_models.baselines.popularity import Popularity
    from recbench.task import NEXT_ITEM

    class Other(Popularity):
        task = NEXT_ITEM
"""


def test_a_model_for_another_task_is_refused(install, run_folders):
    install("other", {"other": OTHER}, models={"other": "other:Other"})
    expected = "other is a model for next-item, and taobao is a dataset for ctr; `recbench list`"
    with pytest.raises(UsageError, match=expected):
        check(replace(POPULARITY, model="other"), run_folders)


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        ({"model": "din-bas"}, UsageError, "unknown model 'din-bas'; did you mean din-base"),
        ({"data": DataConfig("taoba")}, UsageError, "unknown dataset 'taoba'; did you mean taobao"),
        ({"data": replace(DATA, protocol="tim")}, UsageError, "unknown protocol of taobao 'tim'"),
        ({"data": replace(DATA, size="tin")}, UsageError, "unknown size .* did you mean tiny"),
        ({"data": DataConfig("ml-100k")}, DataError, "ml-100k: the raw files .* are needed"),
        ({"model_config": {"embeding_dim": 3}}, UsageError, "'embeding_dim'; did you mean"),
        ({"model_config": {"embedding_dim": "x"}}, UsageError, "field 'embedding_dim' must"),
        ({"training": {"monitor": "acu"}}, UsageError, "'acu'; did you mean auc"),
        ({"device": "gpu"}, UsageError, "device 'gpu' cannot be used: .*; try --device auto"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_made(run_folders, change, error, expected):
    with pytest.raises(error, match=expected):
        run(replace(BASE, **change), run_folders)
    assert not run_folders.results.exists()


def test_every_choice_is_made_and_recorded(run_folders):
    chosen, _, _ = check(RunConfig("din-base", DataConfig("taobao", size="tiny")), run_folders)
    assert chosen.data == DataConfig("taobao", "time", "simulated", "tiny")
    assert chosen.model_config["history_length"] == 50
    assert chosen.device in ("cpu", "cuda")
    assert check(chosen, run_folders)[0] == chosen


SETTLED = """
    from recbench_models.baselines.logistic_regression import LogisticRegression

    class Settled(LogisticRegression):
        training_settings = {"learning_rate": 0.125, "batch_size": 32, "epochs": 2}

    class Misspelt(Settled):
        training_settings = {"learning_rat": 0.125}

    class Wrong(Settled):
        training_settings = {"epochs": 0}
"""


def test_a_models_settings_come_before_the_harnesss_and_after_the_users(install, run_folders):
    install("settled", {"settled": SETTLED}, models={"settled": "settled:Settled"})
    config = replace(POPULARITY, model="settled")
    plain, _, _ = check(config, run_folders)
    assert plain.training == {
        **asdict(TrainingConfig()),
        "learning_rate": 0.125,
        "batch_size": 32,
        "epochs": 2,
    }
    default = TrainingConfig().learning_rate
    own = {"learning_rate": default, "epochs": 1}
    chosen, _, _ = check(replace(config, training=own), run_folders)
    assert chosen.training == plain.training | own
    assert chosen.hash != plain.hash
    assert check(chosen, run_folders)[0] == chosen
    record = run(replace(config, training=own), run_folders)
    assert record.config["training"] == chosen.training
    assert record.config_hash == chosen.hash
    assert len(record.curve) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Misspelt",
            "unknown field of training_settings: 'learning_rat'; did you mean learning_ra",
        ),
        ("Wrong", "training.epochs is 0; at least 1"),
    ],
)
def test_wrong_settings_of_a_model_are_the_plugins_fault(install, run_folders, name, expected):
    install("settled", {"settled": SETTLED}, models={"settled": f"settled:{name}"})
    with pytest.raises(PluginError, match=rf"^settled \(settled.{name}\): {expected}"):
        run(replace(POPULARITY, model="settled"), run_folders)


def test_a_broken_plugin_is_an_error(install, run_folders):
    install("broken", {"broken_plugin": "1 / 0"}, models={"broken": "broken_plugin:Model"})
    with pytest.raises(PluginError, match="model 'broken' of broken 1.0 cannot be imported"):
        run(replace(POPULARITY, model="broken"), run_folders)


def test_a_model_of_another_task_than_the_table_is_refused(tmp_path):
    run_folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    with pytest.raises(UsageError, match="din is a model for ctr, and mmoe-synthetic is a dataset"):
        run(RunConfig("din", DataConfig("mmoe-synthetic", size="tiny")), run_folders)
