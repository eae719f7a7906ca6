import json
from dataclasses import replace

import pytest

from recbench.errors import RecbenchError
from recbench.tuning.study import End, Study, Trial, load_studies


def trial(auc=None, **settings):
    return Trial(settings, {} if auc is None else {"auc": auc}, "" if auc else "broke", None, 1.0)


def test_the_best_trial_is_the_first_of_the_best(study):
    assert study.best == 2
    assert replace(study, trials=(*study.trials, trial(0.7))).best == 2
    assert replace(study, monitor="logloss").best is None
    less = tuple(replace(each, validation={"logloss": 1.0}) for each in study.trials)
    assert replace(study, monitor="logloss", trials=less).best == 0
    assert replace(study, trials=(trial(),)).best is None
    assert replace(study, trials=()).best is None


def test_a_study_is_read_as_it_was_written(study, tmp_path):
    path = study.save(tmp_path)
    assert path == tmp_path / "studies" / "shop-v1" / "time" / "din" / "0123456789ab.json"
    assert Study.load(path) == study
    assert list(path.parent.iterdir()) == [path]


def test_studies_that_have_ended_are_found_by_model_and_configuration(study, tmp_path):
    study.save(tmp_path)
    replace(study, key="unfinished", config_hash="").save(tmp_path)
    assert load_studies(tmp_path) == ({("din", "fedc"): study}, {})
    assert load_studies(tmp_path / "nowhere") == ({}, {})


def test_a_study_that_is_continued_says_what_it_had_found(study, tmp_path):
    more = (*study.trials, trial(0.9, width=1))
    longer = replace(
        study, budget=8, trials=more, config_hash="", earlier=(End(2, "abcd"), End(3, "fedc"))
    )
    longer.save(tmp_path)
    found = load_studies(tmp_path)[0]
    assert found["din", "fedc"] == replace(study, earlier=(End(2, "abcd"),))
    assert [(each.budget, each.best) for each in found.values()] == [(2, 0), (3, 2)]
    replace(longer, config_hash="fedc", budget=4).save(tmp_path)
    assert load_studies(tmp_path)[0]["din", "fedc"].budget == 4


def test_a_study_of_the_first_layout_is_read(study, tmp_path):
    path = study.save(tmp_path)
    content = json.loads(path.read_text(encoding="utf-8")) | {"schema_version": 1}
    del content["earlier"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert Study.load(path) == study


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_damaged_study_is_named(study, tmp_path, damage):
    path = study.save(tmp_path)
    path.write_text(damage, encoding="utf-8")
    whole = replace(study, key="whole").save(tmp_path)
    with pytest.raises(RecbenchError, match=f"{path.name} is no study.*delete it to tune again"):
        Study.load(path)
    found, problems = load_studies(tmp_path)
    assert found == {("din", "fedc"): Study.load(whole)}
    assert list(problems) == [path]
    assert f"{path} is no study" in problems[path]


def test_a_study_with_another_field_is_no_study(study, tmp_path):
    path = study.save(tmp_path)
    content = json.loads(path.read_text(encoding="utf-8")) | {"more": 1}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecbenchError, match="'more' is unknown"):
        Study.load(path)


def test_a_folder_that_cannot_be_written_to_is_a_clear_error(study, tmp_path):
    (tmp_path / "studies").write_text("in the way")
    with pytest.raises(RecbenchError, match="choose another results folder"):
        study.save(tmp_path)
