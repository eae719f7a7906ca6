"""What a run's process leaves for the one that scores it: whole, or made anew, or refused."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest
from heard import Heard

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import RecbenchError
from recbench.order import OUTCOME, PREDICTIONS, load_outcome
from recbench.pipeline import fit_and_predict, run, settle
from recbench.suite.runs import run_suite
from recbench.suite.settling import Settled

GOOD = RunConfig("popularity", DataConfig("taobao", size="tiny", limit=500), device="cpu")


@pytest.fixture
def order(run_folders):
    """Return a run that has predicted and has no record yet."""
    order = settle(GOOD, run_folders)
    fit_and_predict(order, run_folders.results)
    return order


@pytest.fixture
def scores(run_folders):
    """Return what it is to score."""
    return run(GOOD, replace(run_folders, results=run_folders.results / "undisturbed")).scores


def test_an_outcome_that_makes_no_sense_is_a_failed_run(order, scores, run_folders):
    state = order.state(run_folders.results)
    outcome, predictions = load_outcome(state)
    whole = predictions["prediction"]
    for wrong in (
        {"prediction": whole[1:]},
        {"prediction": whole.astype(str)},
        {"prediction": whole, "label": whole},
    ):
        outcome.save(state, wrong)
        (cell,) = run_suite([Settled(GOOD, order)], run_folders)
        assert cell.record is None
        assert cell.error
        assert "Traceback" in cell.log.read_text()
    outcome.save(state, predictions)
    (cell,) = run_suite([Settled(GOOD, order)], run_folders)
    assert cell.record.scores == scores


@pytest.mark.parametrize("name", [OUTCOME, PREDICTIONS])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_damaged_outcome_is_made_anew(order, scores, run_folders, name, kept):
    path = order.state(run_folders.results) / name
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    heard = Heard()
    (cell,) = run_suite([Settled(GOOD, order)], run_folders, heard)
    assert cell.record.scores == scores
    (note,) = heard.about("cannot be read")
    assert note.endswith("; it is made anew")


def test_a_whole_outcome_is_not_made_anew(order, run_folders, monkeypatch):
    monkeypatch.setattr("recbench.pipeline.untrained", None)
    assert run(GOOD, run_folders).key == order.key


@pytest.mark.parametrize("full_at", [1, 2, 3])
def test_an_outcome_is_on_the_disk_or_none_is(order, run_folders, monkeypatch, full_at):
    state, calls = order.state(run_folders.results), []

    def fsync(descriptor):
        calls.append(descriptor)  # of the model, of the predictions, of the outcome
        if len(calls) == full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RecbenchError, match="No space left"):
        fit_and_predict(order, run_folders.results, keep_model=True)
    assert not (state / OUTCOME).exists()
    monkeypatch.undo()
    fit_and_predict(order, run_folders.results, keep_model=True)
    load_outcome(state)
