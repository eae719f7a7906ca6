from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from recbench.cli import app
from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard import compare, load_records, render, tables
from recbench.leaderboard.comparison import bands, contenders
from recbench.leaderboard.group import Group
from recbench.leaderboard.label import label_configs
from recbench.metrics import statistics
from recbench.record import predictions_path
from recbench.scored import load_predictions

USERS, ROWS = 200, 8


@pytest.fixture
def save(make_scored, tmp_path):
    """Return a function that saves a run whose clicks are told apart with some skill."""
    random = np.random.default_rng(0)
    label = random.integers(0, 2, USERS * ROWS).astype(np.int8)
    user = np.repeat(np.arange(USERS), ROWS)
    shared = {"user": user, "item": random.integers(0, 50, len(user)), "label": label}
    noise = random.normal(size=len(user))

    def make(model, seed, skill, **changes):
        own = np.random.default_rng([seed, len(model)]).normal(size=len(user))
        prediction = (skill * label + noise + 0.3 * own).astype(np.float32)
        rows = shared | {"prediction": prediction}
        record = make_scored(rows, model, seed, **changes)
        record.save(tmp_path, rows)
        return record

    return make


def test_a_better_model_is_found_better_and_an_equal_one_is_not(save, tmp_path):
    for seed in (1, 2, 3):
        save("din", seed, 1.0)
        save("sim", seed, 1.5)
        save("din-base", seed, 1.0)
    records, _ = load_records(tmp_path)
    (found,) = compare(records, tmp_path, ["sim", "din", "din-base"], ["auc"])
    assert found.units == USERS
    assert found.seeds == {"sim": 3, "din": 3, "din-base": 3}
    by_pair = {(pair.first, pair.second): pair for pair in found.pairs}
    assert by_pair["sim", "din"].adjusted < 0.05
    assert by_pair["sim", "din"].difference.low > 0
    assert by_pair["sim", "din"].difference.effect > 0
    assert by_pair["din", "din-base"].adjusted > 0.05
    assert all(pair.adjusted >= pair.difference.p_value for pair in found.pairs)


def test_models_that_cannot_be_told_apart_share_a_rank(save, tmp_path):
    runs = [save(model, seed, skill) for seed in (1, 2, 3) for model, skill in
            (("din", 1.0), ("sim", 1.5), ("din-base", 1.0))]  # fmt: skip
    every = contenders(runs, tmp_path, label_configs(runs))
    found = {name: rank for (name, _), (rank, _) in bands(every, Group.of(runs[0])).items()}
    assert found == {"sim": 1, "din": 2, "din-base": 2}
    intervals = [interval for _, interval in bands(every, Group.of(runs[0])).values()]
    assert all(each.low < each.value < each.high for each in intervals)


def test_of_many_models_the_draws_are_not_too_few_to_tell_any_apart(save, tmp_path, monkeypatch):
    """Two hundred draws for 15 pairs, as 20,000 are for 528 or more."""
    monkeypatch.setattr(statistics, "DRAWS", 200)
    names = ["din", "sim", "din-base", "dien", "popularity", "logistic-regression"]
    runs = [save(name, 1, 1.0 + 0.5 * place) for place, name in enumerate(names)]
    every = contenders(runs, tmp_path, label_configs(runs))
    found = {name: rank for (name, _), (rank, _) in bands(every, Group.of(runs[0])).items()}
    assert [found[name] for name in names] == [6, 5, 4, 3, 2, 1]


def test_an_interval_does_not_leave_the_metrics_range(save, tmp_path):
    """Two seeds far apart once gave an AUC bounds below 0 and above 1."""
    (table,) = tables([save("din", 1, 0.5), save("din", 2, 3.0)], root=tmp_path)
    assert table.rows[["low", "high"]].to_numpy().tolist() == [[0.0, 1.0]]


def test_runs_of_other_rows_are_not_compared(save, make_scored, tmp_path):
    save("din", 1, 1.0)
    rows = {name: np.arange(2) for name in ("user", "item", "label", "prediction")}
    make_scored(rows, "sim", 1).save(tmp_path, rows)
    records, _ = load_records(tmp_path)
    with pytest.raises(RecbenchError, match="not of the examples that other runs"):
        compare(records, tmp_path, ["din", "sim"])


def test_an_edited_score_is_not_compared_or_ranked(save, tmp_path):
    """Means were once those of the records, whatever the predictions beside them say."""
    run = save("din", 1, 1.0)
    save("sim", 1, 1.5)
    path = run.path(tmp_path)
    path.write_text(path.read_text().replace(str(run.scores["auc"]), "0.9"))
    records, _ = load_records(tmp_path)
    with pytest.raises(RecbenchError, match=r"s1\.json: auc is 0\.9 in the record and 0\.[0-8]"):
        compare(records, tmp_path, ["din", "sim"])
    (table,) = tables(records, root=tmp_path)
    assert "auc is 0.9 in the record" in table.uncertain


@pytest.mark.parametrize("value", [np.nan, np.inf, "0.5"])
def test_predictions_that_are_no_numbers_are_said(save, tmp_path, value):
    run = save("din", 1, 1.0)
    rows = dict(load_predictions(run.path(tmp_path)))
    run.save(tmp_path, rows | {"prediction": np.full(len(rows["label"]), value)})
    (table,) = tables([run], root=tmp_path)
    said = "din, seed 1, cannot be scored (prediction: expected finite"
    assert said in table.uncertain
    assert said in render([table], "table")


def test_models_without_a_common_split_are_refused(save, tmp_path):
    save("din", 1, 1.0)
    save("sim", 1, 1.0, dataset="ml-100k")
    records, _ = load_records(tmp_path)
    with pytest.raises(UsageError, match="no split has records of all of din, sim"):
        compare(records, tmp_path, ["din", "sim"])


def test_a_model_of_several_configurations_must_be_named_by_hash(save, tmp_path):
    save("din", 1, 1.0)
    wide = save("din", 1, 1.2, model_config={"embedding_dim": 32})
    save("sim", 1, 1.0)
    records, _ = load_records(tmp_path)
    with pytest.raises(UsageError, match=r"several configurations on shop: din@.*embedding_dim"):
        compare(records, tmp_path, ["din", "sim"])
    (found,) = compare(records, tmp_path, [f"din@{wide.config_hash[:8]}", "sim"], ["auc"])
    assert list(found.seeds) == ["din (embedding_dim=32)", "sim"]
    with pytest.raises(UsageError, match="given twice"):
        compare(records, tmp_path, ["sim", "sim"])


def test_an_unknown_score_has_a_suggestion(save, tmp_path):
    save("din", 1, 1.0)
    save("sim", 1, 1.0)
    records, _ = load_records(tmp_path)
    with pytest.raises(UsageError, match="gauc"):
        compare(records, tmp_path, ["din", "sim"], ["gaucc"])


def test_the_command_prints_pairs_and_says_what_chance_is_left_out(save, tmp_path):
    save("din", 1, 1.0)
    for seed in (1, 2):
        save("sim", seed, 1.5)
    arguments = ["compare", "sim", "din", "--results", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "one seed of din: the chance in training is NOT in these intervals" in shown.output
    assert "200 users" in shown.output
    plain = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [pair["score"] for pair in plain[0]["pairs"]] == ["auc", "gauc", "logloss"]
    assert plain[0]["pairs"][2]["difference"]["value"] < 0.2


def test_one_model_alone_is_a_usage_error(tmp_path):
    shown = CliRunner().invoke(app, ["compare", "din", "--results", str(tmp_path)])
    assert isinstance(shown.exception, UsageError)


def test_tables_rank_by_what_can_be_told_apart(save, tmp_path):
    runs = [save(model, seed, skill) for seed in (1, 2, 3) for model, skill in
            (("din", 1.0), ("sim", 1.5), ("din-base", 1.0))]  # fmt: skip
    (table,) = tables(runs, root=tmp_path)
    assert dict(zip(table.rows["model"], table.rows["rank"], strict=True)) == {
        "sim": 1, "din": 2, "din-base": 2,
    }  # fmt: skip
    assert (table.rows["low"] < table.rows["high"]).all()
    shown = render([table], "md")
    assert "95 %" in shown
    assert "share a rank" in shown
    assert "one seed" not in shown


def test_without_predictions_means_rank_and_the_reason_is_said(save, tmp_path):
    runs = [save("din", 1, 1.0), save("sim", 1, 1.5)]
    predictions_path(runs[0].path(tmp_path)).unlink()
    (table,) = tables(runs, root=tmp_path)
    assert table.rows["rank"].tolist() == [1, 2]
    assert table.rows["low"].isna().all()
    assert "ranks are those of the means" in render([table], "md")


def test_one_seed_is_said_to_leave_the_chance_in_training_out(save, tmp_path):
    (table,) = tables([save("din", 1, 1.0)], root=tmp_path)
    assert "one seed: the chance in training" in render([table], "md")


def test_of_too_few_users_the_command_says_that_chance_is_unknown(make_scored, tmp_path):
    """An unknown p-value was once shown as a small one."""
    rows = {"user": np.arange(8) // 2, "item": np.arange(8), "label": np.arange(8) % 2}
    for model, way in (("din", 1), ("sim", -1)):
        own = rows | {"prediction": way * np.arange(8.0)}
        make_scored(own, model).save(tmp_path, own)
    arguments = ["compare", "din", "sim", "--results", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "unknown: the score rests in effect on fewer than 10 users" in shown.output
    assert "< 0.001" not in shown.output
    (found,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert found["pairs"][0]["difference"]["p_value"] is None
    records, _ = load_records(tmp_path)
    (table,) = tables(records, root=tmp_path)
    assert table.rows["rank"].tolist() == [1, 1]
    assert "nothing is said of chance, and models share a rank" in render([table], "md")
