from dataclasses import replace

import pytest

from recbench.leaderboard import render, tables
from recbench.leaderboard.cells import notes


@pytest.fixture
def board(make_record, study, tmp_path):
    """Return a function that shows a tuned model beside another, tuned or not."""

    def make(**other):
        records = [make_record("din"), make_record("sim")]
        replace(study, config_hash=records[0].config_hash).save(tmp_path)
        if other:
            model = replace(study.model, name="sim")
            about = {"model": model, "config_hash": records[1].config_hash, "key": "another"}
            replace(study, **about | other).save(tmp_path)
        (table,) = tables(records, root=tmp_path)
        return table, " ".join(render([table], "md").split())

    return make


def test_how_many_trials_a_setting_took_is_shown_and_that_others_took_none(board):
    table, text = board()
    assert dict(zip(table.rows["model"], table.rows["trials"], strict=True)) == {"din": 3, "sim": 0}
    assert "| seeds | trials |" in text
    assert "| din | 1 | 3 |" in text
    assert "| sim | 1 | — |" in text
    assert "NOT TUNED ALIKE" in text
    assert "space common" not in text


def test_models_of_one_budget_are_tuned_alike(board):
    text = board(budget=3)[1]
    assert "NOT TUNED ALIKE" not in text
    assert "NOT TUNED ALIKE" in board(budget=4)[1]


def test_a_space_that_a_model_did_not_declare_is_stated(board):
    assert "tuned in the space common to models that declare none: sim" in board(common=True)[1]


def test_a_study_that_has_not_ended_says_nothing(board):
    table, _ = board(config_hash="")
    assert sorted(table.rows["trials"]) == [0, 3]


def test_without_tuning_there_is_no_such_column(make_record, tmp_path):
    assert "trials" not in render(tables([make_record()], root=tmp_path), "md")


def test_a_damaged_study_makes_no_tuned_model_look_untuned(make_record, study, tmp_path):
    path = study.save(tmp_path)
    path.write_text("{", encoding="utf-8")
    records = [make_record(), make_record(dataset="other")]
    other, shop = tables(records, root=tmp_path)
    said = f"a row may be of a tuned model and not show it: {path} is no study"
    assert notes(shop)[-1].startswith(said)
    assert "is no study" not in render([other], "md")
