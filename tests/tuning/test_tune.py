import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import SafetensorError

from recbench.config import RunConfig
from recbench.data import DataConfig, PreparedDataset
from recbench.errors import ChangedCodeError, PluginError, UnwritableError, UsageError
from recbench.pipeline import run
from recbench.tuning.judging import JudgeApart, judge_here
from recbench.tuning.study import End, Study, load_studies
from recbench.tuning.tune import tune, tune_all, with_settings

DATA = DataConfig("taobao", size="tiny", limit=100)
# A model whose validation score is a known function of its settings, at once.
TUNED = """
    import os, time
    from dataclasses import dataclass

    import torch
    from recbench import COMMON_SPACE, Choice, CTRModel, FitResult, LogRange, Range

    @dataclass(frozen=True)
    class KnownConfig:
        width: int = 4
        shape: tuple[int, ...] = (2,)
        share: float = 0.5
        fails: str = ""

    class Known(CTRModel):
        api = 1
        Config = KnownConfig
        search_space = {
            "width": LogRange(1, 64),
            "shape": Choice((1,), (2,), (2, 2)),
            "share": Range(0.0, 1.0),
            "training.learning_rate": LogRange(1e-4, 1e-2),
        }

        def __init__(self, schema, config):
            super().__init__(schema, config)
            self.weight = torch.nn.Parameter(torch.rand(()))

        def forward(self, features):
            return self.weight * torch.rand(len(features))

        def fit(self, train, validate, run):
            time.sleep(float(os.environ.get("KNOWN_SECONDS", 0)))
            own = self.config
            if own.fails == "abort" and own.share > 0.4:
                os.abort()
            if own.fails in ("crash", "exit") and own.share > 0.4:
                raise {"crash": ZeroDivisionError, "exit": SystemExit}[own.fails]("broke")
            if own.fails == "full":
                raise OSError(28, os.strerror(28))
            score = 1 - (own.share - 0.3) ** 2 - run.config.learning_rate
            return FitResult(1, {"auc": float("nan") if own.fails == "nan" else score}, [])

    class NoSuchField(Known):
        search_space = {"wide": Choice(1, 2)}

    class NoSuchSetting(Known):
        search_space = {"training.learning_rat": Choice(1, 2)}

    class WrongType(Known):
        search_space = {"width": Range(1.0, 2.0)}

    class Outside(Known):
        search_space = {"share": Range(0.0, 0.3), "shape": Choice((1,), (3,))}

    class Nothing(Known):
        search_space = {}
"""
CLASSES = {
    "known": "Known", "no-field": "NoSuchField", "no-setting": "NoSuchSetting",
    "wrong-type": "WrongType", "nothing": "Nothing", "outside": "Outside",
}  # fmt: skip
KNOWN = RunConfig("known", DATA, device="cpu")


@pytest.fixture
def site(install):
    targets = {name: f"tuned:{kind}" for name, kind in CLASSES.items()}
    return install("tuned", {"tuned": TUNED}, models=targets)


def tried(study):
    return [(each.settings, each.validation, each.error, each.repeats) for each in study.trials]


def test_the_first_trial_has_the_defaults_and_the_rest_stay_in_the_space(site, run_folders):
    study = tune(KNOWN, 12, run_folders)
    first, *others = (trial.settings for trial in study.trials)
    assert first == {"width": 4, "shape": [2], "share": 0.5, "training.learning_rate": 5e-3}
    assert len(others) == 11
    for each in others:
        assert each["width"] in range(1, 65)
        assert each["shape"] in ([1], [2], [2, 2])
        assert 0 <= each["share"] <= 1
        assert 1e-4 <= each["training.learning_rate"] <= 1e-2
    assert len({json.dumps(each) for each in others}) == 11
    best = max(trial.validation["auc"] for trial in study.trials)
    assert study.trials[study.best].validation["auc"] == best > 0.955  # of the defaults
    assert not study.common


def test_the_same_seed_tries_the_same_and_another_seed_something_else(site, run_folders, tmp_path):
    first = tune(KNOWN, 4, run_folders)
    again = tune(KNOWN, 4, replace(run_folders, results=tmp_path / "again"))
    assert tried(first) == tried(again)
    other = tune(replace(KNOWN, seed=2), 4, run_folders)
    assert tried(first)[0] == tried(other)[0]
    assert tried(first)[1] != tried(other)[1]


def test_the_test_part_is_never_opened(run_folders, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the test part is opened")

    monkeypatch.setattr(PreparedDataset, "open_test", refuse)
    quick = {"training": {"epochs": 1}, "model_config": {"mlp": [4]}}
    study = tune(RunConfig("din-base", DATA, **quick, device="cpu"), 2, run_folders)
    assert [trial.error for trial in study.trials] == ["", ""]
    assert set(study.trials[1].settings) == {
        "dropout", "training.learning_rate", "training.weight_decay", "training.batch_size",
    }  # fmt: skip
    with pytest.raises(AssertionError, match="the test part is opened"):
        run(RunConfig("din-base", DATA, **quick, device="cpu"), run_folders)


def test_a_study_goes_on_where_it_was_and_ends_as_if_it_had_not_stopped(
    site, run_folders, tmp_path
):
    whole = tune(KNOWN, 14, run_folders)
    apart = replace(run_folders, results=tmp_path / "apart")
    tune(KNOWN, 5, apart)
    study = tune(KNOWN, 14, apart)
    assert tried(study) == tried(whole)
    assert study.config_hash == whole.config_hash
    assert Study.load(study.path(apart.results)) == study
    with pytest.raises(UsageError, match="has 14 trials and --trials is 13"):
        tune(KNOWN, 13, apart)


def test_a_killed_tuning_keeps_its_trials(site, run_folders, tmp_path):
    code = (
        "import sys, pathlib; from recbench.config import RunConfig; from recbench.data import *;"
        "from recbench.folders import Folders; from recbench.tuning.tune import tune;"
        "tune(RunConfig('known', DataConfig('taobao', size='tiny', limit=100), device='cpu'), 40,"
        "Folders(None, *map(pathlib.Path, sys.argv[1:])))"
    )
    results = tmp_path / "killed"
    environment = {**os.environ, "KNOWN_SECONDS": "0.1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *sys.path])
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(run_folders.cache), str(results)], env=environment
    )
    deadline = time.monotonic() + 120
    while child.poll() is None and time.monotonic() < deadline:
        paths = list(results.glob("studies/*/*/*/*.json"))
        if paths and len(Study.load(paths[0]).trials) >= 2:
            child.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    assert child.wait() == -signal.SIGKILL
    (path,) = results.glob("studies/*/*/*/*.json")
    before = Study.load(path)
    assert 2 <= len(before.trials) < 40
    budget = len(before.trials) + 2
    study = tune(KNOWN, budget, replace(run_folders, results=results))
    assert study.trials[: len(before.trials)] == before.trials
    assert tried(study) == tried(tune(KNOWN, budget, run_folders))
    assert list((results / ".runs").iterdir()) == []


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        ("crash", "ZeroDivisionError: broke"),
        ("exit", "SystemExit: broke"),
        ("nan", "the validation part gives no auc"),
    ],
)
def test_a_trial_that_fails_counts_and_says_why(site, run_folders, fails, why):
    study = tune(replace(KNOWN, model_config={"fails": fails}), 6, run_folders)
    assert len(study.trials) == 6
    assert (study.trials[0].error, study.trials[0].validation) == (why, {})
    if fails == "nan":
        assert (study.best, study.config_hash) == (None, "")
    else:
        assert study.trials[study.best].settings["share"] <= 0.4


def test_a_trial_apart_scores_the_same_and_a_crash_ends_it_alone(site, run_folders, tmp_path):
    here = tune(replace(KNOWN, model_config={"fails": "crash"}), 3, run_folders)
    apart = replace(run_folders, results=tmp_path / "apart")
    study = tune(replace(KNOWN, model_config={"fails": "abort"}), 3, apart, judge=JudgeApart(apart))
    failed = "its process ended by signal 6 (SIGABRT) (log: "
    assert [each.error.startswith(failed) for each in study.trials] == [
        bool(each.error) for each in here.trials
    ]
    assert study.trials[0].error
    assert [each.validation for each in study.trials] == [each.validation for each in here.trials]


def test_code_that_changes_ends_the_tuning_and_costs_no_trial(site, run_folders):
    apart = JudgeApart(run_folders)

    def edit_and_judge(order, state):
        with (site / "tuned.py").open("a") as code:
            code.write("# edited\n")
        return apart(order, state)

    with pytest.raises(ChangedCodeError, match="the code of known has changed meanwhile"):
        tune(KNOWN, 3, run_folders, judge=edit_and_judge)
    assert not list(run_folders.results.rglob("studies/**/*.json"))


def test_so_does_code_of_recbench_that_changes(site, run_folders):
    apart = JudgeApart(run_folders)

    def settled_earlier(order, state):
        return apart(replace(order, core="another"), state)

    with pytest.raises(ChangedCodeError, match="the code of recbench has changed meanwhile"):
        tune(KNOWN, 3, run_folders, judge=settled_earlier)
    assert not list(run_folders.results.rglob("studies/**/*.json"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("apart", [False, True])
def test_a_full_disk_ends_the_tuning_and_costs_no_trial(site, run_folders, monkeypatch, apart):
    def full(config, results):
        return Path("/dev/full").open("wb")  # as the log is, on the same disk

    monkeypatch.setattr("recbench.tuning.judging.open_log", full)
    judge = JudgeApart(run_folders) if apart else judge_here
    with pytest.raises(UnwritableError, match="No space left on device; free some space"):
        tune(replace(KNOWN, model_config={"fails": "full"}), 3, run_folders, judge=judge)
    assert not list(run_folders.results.rglob("studies/**/*.json"))


def test_a_checkpoint_that_cannot_be_written_costs_no_trial(run_folders, monkeypatch):
    def full(*arguments):
        raise SafetensorError("Error while serializing")

    monkeypatch.setattr("recbench.training.checkpoint.save_file", full)
    quick = RunConfig("din-base", DATA, {"mlp": [4]}, {"epochs": 1}, device="cpu")
    with pytest.raises(UnwritableError, match="cannot write the checkpoint"):
        tune(quick, 2, run_folders)


def test_a_study_that_is_killed_while_it_is_continued_keeps_its_earlier_end(site, run_folders):
    ended = tune(KNOWN, 3, run_folders)

    def interrupted(order, state):
        if len(Study.load(ended.path(run_folders.results)).trials) == 4:
            raise KeyboardInterrupt
        return judge_here(order, state)

    with pytest.raises(KeyboardInterrupt):
        tune(KNOWN, 8, run_folders, judge=interrupted)
    name = ("known", ended.config_hash)
    assert load_studies(run_folders.results)[0][name] == ended
    longer = tune(KNOWN, 8, run_folders)
    assert longer.earlier == (End(3, ended.config_hash),)
    assert tune(KNOWN, 8, run_folders).earlier == longer.earlier
    assert name in load_studies(run_folders.results)[0]


def test_a_model_whose_trials_all_fail_is_told_and_the_others_are_tuned(site, run_folders):
    broken = replace(KNOWN, model_config={"fails": "nan"})
    first, second = tune_all([broken, KNOWN], 2, run_folders)
    assert first.best is None
    assert first.error == (
        "all of its 2 trials failed, the first so: the validation part gives no auc"
    )
    assert second.error == ""
    assert second.best == with_settings(KNOWN, second.study.trials[second.study.best].settings)


def test_a_run_of_the_best_setting_has_the_hash_that_the_study_tells(site, run_folders):
    study = tune(KNOWN, 3, run_folders)
    best = with_settings(KNOWN, study.trials[study.best].settings)
    assert run(replace(best, seed=7), run_folders).config_hash == study.config_hash


def test_what_the_run_sets_itself_is_not_varied(site, run_folders):
    config = replace(KNOWN, model_config={"width": 3}, training={"learning_rate": 0.02})
    study = tune(config, 3, run_folders)
    assert set(study.space) == {"shape", "share"}
    best = with_settings(config, study.trials[1].settings)
    assert (best.model_config["width"], best.training) == (3, {"learning_rate": 0.02})


def test_a_setting_that_was_tried_is_not_trained_again(site, run_folders):
    study = tune(replace(KNOWN, model="nothing"), 3, run_folders)
    assert [trial.repeats for trial in study.trials] == [None, 0, 0]
    assert len({json.dumps(trial.validation) for trial in study.trials}) == 1


def test_defaults_out_of_the_space_are_tried_first_all_the_same(site, run_folders):
    study = tune(replace(KNOWN, model="outside"), 3, run_folders)
    shares = [trial.settings["share"] for trial in study.trials]
    assert shares[0] == 0.5
    assert max(shares[1:]) <= 0.3


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("no-field", r"no-field \(tuned.NoSuchField\): search_space: wide: .*wide"),
        ("no-setting", "search_space: training.learning_rat: .*did you mean learning_rate"),
        ("wrong-type", "search_space: width: WrongType.Config: field 'width' must be int"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_before_any_trial(site, run_folders, model, why):
    with pytest.raises(PluginError, match=why):
        list(tune_all([KNOWN, replace(KNOWN, model=model)], 2, run_folders))
    assert not run_folders.results.exists()


def test_no_trial_is_a_mistake(run_folders):
    with pytest.raises(UsageError, match="--trials is 0; at least 1"):
        list(tune_all([KNOWN], 0, run_folders))
