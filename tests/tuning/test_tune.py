"""Tuning: which settings are tried, and what becomes of a study."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from tuning.known import DATA, KNOWN, tried

from recbench.config import RunConfig
from recbench.data import PreparedDataset
from recbench.errors import PluginError, UsageError
from recbench.pipeline import run
from recbench.tuning.judging import judge_here
from recbench.tuning.study import End, Study, load_studies
from recbench.tuning.tune import tune, tune_all, with_settings


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
