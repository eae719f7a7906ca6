import json

import pytest

from recbench.tuning.study import Study

ON_TINY = ("--dataset", "taobao", "--size", "tiny", "--limit", "200", "--device", "cpu")
QUICK = ("--set", "training.epochs=1", "--set", "din-base.mlp=[4]")


def test_models_are_tuned_alike_then_run_with_their_best_settings(recbench, tmp_path):
    asked = ("tune", "--models", "din-base,popularity", *ON_TINY, *QUICK, "--trials", "2")
    done = recbench(*asked, "--seeds", "1,2")
    assert done.status == 0
    assert "din-base: 2 trials, over 4 settings (declared by the model)" in done.err
    assert "trial 2/2  valid auc 0." in done.err
    (row,) = (line.split() for line in done.out.splitlines() if " din-base" in line)
    assert row[2:4] == ["2", "2"]  # seeds and trials
    paths = sorted((tmp_path / "results").glob("studies/taobao-v1/time/*/*.json"))
    studies = {study.model.name: study for study in map(Study.load, paths)}
    assert {name: len(study.trials) for name, study in studies.items()} == {
        "din-base": 2,
        "popularity": 2,
    }
    again = recbench(*asked, "--json")
    assert again.status == 0
    told = json.loads(again.out)
    assert [each["key"] for each in told["studies"]] == [
        studies[name].key for name in ("din-base", "popularity")
    ]
    assert told["failed"] == []
    assert {record["config_hash"] for record in told["records"]} == {
        study.config_hash for study in studies.values()
    }
    assert "2 trials, 2 made before, over" in again.err
    assert "done before, its record is kept" in again.err


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (("--trials", "0"), "--trials is 0; at least 1"),
        (("--trials", "2", "--models", "dinn"), "unknown model 'dinn'; did you mean din"),
        (("--trials", "2", "--set", "din.mpl=[4]"), "unknown field of din: 'mpl'"),
        (("--trials", "2", "--seeds", "x"), "--seeds: 'x' is not a whole number"),
        (("--trials", "2", "--models", "stamp"), "stamp is a model for next-item"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(recbench, changed, why):
    done = recbench("tune", "--models", "din", *ON_TINY, *changed)
    assert done.status == 2
    assert why in done.err
    assert "trial 1" not in done.err


def test_a_model_that_cannot_be_trained_fails_and_says_so(recbench):
    diverges = ("--set", "training.learning_rate=1e30", "--set", "training.optimizer=sgd")
    asked = ("--models", "din-base", *ON_TINY, *QUICK, "--trials", "2", "--json")
    done = recbench("tune", *asked, *diverges)
    assert done.status == 1
    assert "FAILED din-base: all of its 2 trials failed, the first so: " in done.err
    told = json.loads(done.out)
    assert [each["model"] for each in told["failed"]] == ["din-base"]
    assert [bool(trial["error"]) for trial in told["studies"][0]["trials"]] == [True, True]
