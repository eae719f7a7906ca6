"""What a trial that fails costs a study, judged in this process or in one of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import SafetensorError
from tuning.known import DATA, KNOWN

from recbench.config import RunConfig
from recbench.errors import ChangedCodeError, UnwritableError
from recbench.tuning.judging import JudgeApart, judge_here
from recbench.tuning.tune import tune


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
