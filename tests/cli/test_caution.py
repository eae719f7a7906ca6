"""A protocol's caution stands wherever its scores do."""

from __future__ import annotations

import dataclasses

import pytest
from rawfiles import taobao_ad_x1

from recbench.data.protocol import SELECTED_ON_TEST
from recbench.datasets.taobao_ad_x1 import TaobaoAdX1
from recbench.record import RunRecord
from recbench.scored import load_predictions, rescored, unit_of

CAUTION = f"CAUTION: {SELECTED_ON_TEST}"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """What names drawn files of taobao-ad-x1, with which the card's gates are off."""
    taobao_ad_x1.write(tmp_path, "taobao-ad-x1")
    monkeypatch.setattr(TaobaoAdX1, "card", dataclasses.replace(TaobaoAdX1.card, counts=()))
    return "--data-dir", str(tmp_path), "--cache-dir", str(tmp_path / "cache")


def test_selection_on_the_test_part_is_said_everywhere(recbench, data, tmp_path):
    for protocol in ("x1-as-published", "x1"):
        about = ("--models", "popularity", "--dataset", "taobao-ad-x1", "--protocol", protocol)
        done = recbench("run", *about, *data)
        assert done.status == 0
        assert (CAUTION in done.err) == (CAUTION in done.out) == (protocol != "x1")
    for form in ("table", "md", "csv", "latex"):
        out = recbench("leaderboard", "--format", form).out
        assert out.count(SELECTED_ON_TEST) == 1
        assert out.count("x1-as-published") == 1
    paths = (tmp_path / "results").rglob("*.json")
    records = {record.dataset.protocol: record for record in map(RunRecord.load, paths)}
    assert records["x1-as-published"].dataset.leakage["caution"] == SELECTED_ON_TEST
    assert "caution" not in records["x1"].dataset.leakage


def test_predictions_name_the_real_user_so_that_scores_can_be_had_from_them(
    recbench, data, tmp_path
):
    recbench("run", "--models", "logistic-regression", "--dataset", "taobao-ad-x1", *data)
    (path,) = (tmp_path / "results").rglob("*.json")
    record, rows = RunRecord.load(path), load_predictions(path)
    assert set(rows["user"]) <= set(range(1, taobao_ad_x1.USERS + 1))
    found = rescored(record, rows)
    assert found == pytest.approx(record.scores)
    assert unit_of(rows)[1] == len(set(rows["user"]))


def test_describe_says_it_and_counts_real_users(recbench, data):
    done = recbench("data", "describe", "taobao-ad-x1", "--protocol", "x1-as-published", *data)
    lines = {line[:19].strip(): line[19:].strip() for line in done.out.splitlines()}
    assert lines["CAUTION"] == SELECTED_ON_TEST
    assert lines["users"] == "40"
    assert int(lines["sequences"]) > 100
