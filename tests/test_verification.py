from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from recbench.cli import app
from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.folders import Folders
from recbench.pipeline import run
from recbench.record import RunRecord, predictions_path
from recbench.scored import load_predictions, rescored
from recbench.verification import verify_record

CONFIG = RunConfig("popularity", DataConfig("taobao", size="tiny", limit=2000), device="cpu")


@pytest.fixture
def path(run_folders):
    """The record of a run."""
    return run(CONFIG, run_folders).path(run_folders.results)


def edit(path, change):
    """Change a record's plain content."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_predictions(path, name, change):
    """Change a column of the predictions beside a record."""
    with pa.memory_map(str(predictions_path(path))) as file:
        table = pa.ipc.open_file(file).read_all()
    columns = {each: table.column(each).to_numpy().copy() for each in table.column_names}
    columns[name] = change(columns[name])
    table = pa.table(columns)
    with (
        pa.OSFile(str(predictions_path(path)), "wb") as file,
        pa.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table)


def outcome(path, run_folders):
    return {each.check: (each.result, each.why) for each in verify_record(path, run_folders)}


def test_a_record_as_it_was_written_agrees_with_its_files(path, run_folders):
    found = outcome(path, run_folders)
    assert found == dict.fromkeys(("record", "versions", "scores", "data"), ("agrees", ""))


def test_an_edited_score_is_caught(path, run_folders):
    def better(content):
        content["scores"]["auc"] += 0.001

    edit(path, better)
    result, why = outcome(path, run_folders)["scores"]
    assert result == "differs"
    assert why.startswith("auc is ")


def test_predictions_edited_to_match_a_score_are_caught_by_the_labels(path, run_folders):
    """Whoever raises the score by turning labels round meets the prepared data."""
    edit_predictions(path, "label", lambda column: 1 - column)
    scores = rescored(RunRecord.load(path), load_predictions(path))
    edit(path, lambda content: content["scores"].update(scores))
    found = outcome(path, run_folders)
    assert found["scores"] == ("agrees", "")
    assert found["data"] == ("differs", "the predictions have another label than the test part")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c.update(seed=2), "its seed is not that of its configuration"),
        (lambda c: c["config"]["training"].update(epochs=99), "config_hash is not that"),
        (lambda c: c["model"].update(name="din"), "its model is not that of its configuration"),
        (lambda c: c["model"].update(config={"x": 1}), "its model is not that of its"),
        (lambda c: c["dataset"].update(source="real", size=None), "its dataset is not that of"),
        (lambda c: c["dataset"].update(limit=None), "its dataset is not that of"),
        (lambda c: c.pop("curve"), "field 'curve' is missing"),
    ],
)
def test_an_edited_record_is_caught(path, run_folders, change, why):
    edit(path, change)
    found = outcome(path, run_folders)["record"]
    assert found[0] == "differs"
    assert why in found[1]


def without_auc(content):
    for name in ("scores", "metric_versions"):
        del content[name]["auc"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda c: c.update(task="next-item"), "task"),
        (without_auc, "scores"),
        (lambda c: c["dataset"].update(leakage={}), "leakage"),
        (lambda c: c["dataset"].update(attainable={"auc": 0.52}), "attainable"),
        (lambda c: c["dataset"].update(attainable=None, leakage={}), "leakage, attainable"),
    ],
)
def test_what_a_record_says_of_its_data_is_held_against_them(path, run_folders, change, names):
    edit(path, change)
    why = f"not as the prepared data have them: {names}"
    assert outcome(path, run_folders)["data"] == ("differs", why)


def test_users_scored_must_be_counted_where_there_is_a_gauc(path, run_folders):
    edit(path, lambda content: content.update(scored_users=None))
    result, why = outcome(path, run_folders)["scores"]
    assert result == "differs"
    assert why.startswith("scored_users is nothing in the record and ")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """The folders of a run whose items often score the same, and its record."""
    root = tmp_path_factory.mktemp("sessions")
    folders = Folders(None, root / "cache", root / "results")
    data = DataConfig("diginetica", source="simulated", size="tiny")
    return folders, run(RunConfig("item-knn", data, device="cpu"), folders).path(folders.results)


def test_ranks_that_items_share_agree_with_their_top_items(sessions):
    folders, path = sessions
    rows = load_predictions(path)
    whole = (rows["rank"] % 1 == 0) & (rows["rank"] <= 20)
    there = [rows[f"top{rank:.0f}"][row] for row, rank in enumerate(rows["rank"]) if whole[row]]
    assert (there != rows["item"][whole]).any()
    assert outcome(path, folders)["data"] == ("agrees", "")


def test_ranks_raised_with_the_scores_are_caught_by_the_top_items(sessions):
    folders, path = sessions
    edit_predictions(path, "rank", np.ones_like)
    scores = rescored(RunRecord.load(path), load_predictions(path))
    edit(path, lambda content: content["scores"].update(scores))
    found = outcome(path, folders)
    assert found["scores"] == ("agrees", "")
    assert found["data"] == (
        "differs",
        "the predictions have ranks that their top items contradict",
    )


def test_a_record_moved_to_another_models_folder_is_caught(path, run_folders):
    other = path.parent.with_name("din") / path.name
    other.parent.mkdir()
    path.rename(other)
    result, why = outcome(other, run_folders)["record"]
    assert result == "differs"
    assert "it belongs to taobao-v1/time/popularity" in why


def test_a_metric_that_has_moved_on_is_said(path, run_folders):
    edit(path, lambda content: content["metric_versions"].update(auc=7))
    assert outcome(path, run_folders)["versions"] == (
        "differs",
        "auc is v1 here and v7 in the record",
    )


def test_other_fingerprints_are_caught(path, run_folders):
    edit(path, lambda content: content["dataset"]["fingerprints"].update(test="0" * 64))
    assert outcome(path, run_folders)["data"] == (
        "differs",
        "the test part has another fingerprint here",
    )


def test_data_that_are_not_here_are_said_to_be_unknown(path, run_folders, tmp_path):
    elsewhere = replace(run_folders, cache=tmp_path / "elsewhere")
    result, why = outcome(path, elsewhere)["data"]
    assert result == "unknown"
    assert "recbench data prepare" in why


def test_missing_predictions_are_caught(path, run_folders):
    predictions_path(path).unlink()
    result, why = outcome(path, run_folders)["scores"]
    assert result == "differs"
    assert "cannot be read" in why


def test_the_command_exits_with_1_if_one_record_differs(path, run_folders):
    arguments = [
        "verify",
        "--results",
        str(run_folders.results),
        "--cache-dir",
        str(run_folders.cache),
    ]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "1 of 1 records agree" in shown.output
    edit_predictions(path, "prediction", lambda column: column + np.arange(len(column)))
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    assert shown.exit_code == 1
    (checks,) = json.loads(shown.stdout).values()
    assert checks[-1]["check"] == "scores"
    edit_predictions(path, "prediction", lambda column: np.full(len(column), np.nan))
    good = run(replace(CONFIG, seed=2), run_folders).path(run_folders.results)
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    found = json.loads(shown.stdout)
    assert {name: checks[-1]["result"] for name, checks in found.items()} == {
        str(path): "differs",
        str(good): "agrees",
    }


def test_an_empty_folder_is_a_usage_error(tmp_path):
    shown = CliRunner().invoke(app, ["verify", "--results", str(tmp_path)])
    assert "no record" in str(shown.exception)
    assert Folders(None, tmp_path, tmp_path)
