"""A training that is broken off and made again ends as one that was not."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from heard import Heard
from training.breaking import Breaking, BrokenOff, require_same

from recbench.errors import UsageError
from recbench.ops.dispatch import observe, runs_native
from recbench.training import checkpoint_notes, fit, state
from recbench.training.random_state import random_state, set_random_state
from recbench.training.run import checkpoint_seconds

OPTIMIZERS = {
    "adam": {"optimizer": "adam", "weight_decay": 0.01},
    "adamw": {"optimizer": "adamw", "schedule": "linear", "warmup_steps": 5},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.5, "schedule": "exponential"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "schedule": "cosine"},
    "adagrad": {"optimizer": "adagrad", "gradient_clip": 0.1},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16", "gradient_clip": 0.5},
}
CPU = torch.device("cpu")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_ends_the_same_wherever_it_was_broken_off(name, outcome, make_run):
    settings = {"epochs": 4, "patience": 1, **OPTIMIZERS[name]}
    whole = outcome(make_run(**settings))
    draw = random.Random(name)  # noqa: S311 - which moments are tried
    for every in (0.0, 0.002, 1e9):
        for _ in range(2):
            run = replace(make_run(**settings), checkpoint_seconds=every)
            # 8 steps an epoch: most breaks come before one has ended, some late.
            breaks = [draw.choice((1, 2, 5, 8, 9, 17, draw.randint(1, 40))) for _ in range(3)]
            require_same(outcome(run, breaks), whole)


def test_early_stopping_goes_on_counting(examples, make_model, make_run):
    def train(run, breaks):
        scores, seen = (0.6, 0.7, 0.65, 0.64, 0.9), []

        def judge(model):
            seen.append(float(model.weights.weight.detach().sum()))
            return {"auc": scores[len(seen) - 1]}

        for left in breaks:
            torch.manual_seed(0)
            with pytest.raises(BrokenOff):
                fit(make_model(), Breaking(examples, left), judge, run)
        torch.manual_seed(0)
        model = make_model()
        return fit(model, examples, judge, run), seen, model.weights.weight.detach()

    broken, seen, kept = train(make_run(epochs=5), [30])  # in the fourth epoch
    whole, all_seen, all_kept = train(make_run(epochs=5), [])
    assert broken.epochs == whole.epochs == 4
    assert seen == all_seen
    assert broken.best == whole.best == {"auc": 0.7}
    assert torch.equal(kept, all_kept)


def test_what_is_done_is_not_done_again(examples, make_noisy, validate, make_run):
    heard, run = Heard(), make_run(epochs=3)
    run = replace(run, checkpoint_seconds=0, progress=heard)
    with pytest.raises(BrokenOff):
        fit(make_noisy(), Breaking(examples, 13), validate, run)
    assert heard.about("continues") == []
    with pytest.raises(BrokenOff):
        fit(make_noisy(), Breaking(examples, 1), validate, run)
    assert heard.about("continues") == ["continues at epoch 2/3, step 5 of 8"]
    left = Breaking(examples, 1000)
    result = fit(make_noisy(), left, validate, run)
    assert 1000 - left.left == 12
    assert result.epochs == 3
    nothing = Breaking(examples, 1)
    again = fit(make_noisy(), nothing, validate, run)
    assert nothing.left == 1
    assert heard.notes[-1] == "continues after the last epoch, 3"
    assert (again.curve, again.best) == (result.curve, result.best)


def test_a_break_while_validating_repeats_no_step(examples, make_noisy, validate, make_run):
    def dies(model):
        raise BrokenOff

    heard = Heard()
    run = replace(make_run(epochs=1), checkpoint_seconds=0, progress=heard)
    with pytest.raises(BrokenOff):
        fit(make_noisy(), examples, dies, run)
    fit(make_noisy(), Breaking(examples, 1), validate, run)
    assert heard.about("continues") == ["continues at the validation of epoch 1/1"]


def test_within_an_epoch_checkpoints_are_taken_as_often_as_asked(
    examples, make_noisy, validate, make_run, monkeypatch
):
    clock = iter(range(10_000))
    monkeypatch.setattr(state, "perf_counter", lambda: next(clock))
    saved = []
    write = state.write_tensors

    def note(tensors, path, notes):
        write(tensors, path, notes)
        if path.name == "checkpoint.safetensors":
            standing = json.loads(notes[state.STANDING])
            saved.append((standing["epochs"], standing["step"]))

    monkeypatch.setattr(state, "write_tensors", note)
    run = replace(make_run(epochs=2), checkpoint_seconds=3)  # the clock moves with every look at it
    fit(make_noisy(), examples, validate, run)
    assert saved == [(0, 3), (0, 6), (1, 0), (1, 3), (1, 6), (2, 0)]


def test_time_is_summed_over_sittings(examples, make_noisy, validate, make_run):
    run = replace(make_run(epochs=2), checkpoint_seconds=0)
    with pytest.raises(BrokenOff):
        fit(make_noisy(), Breaking(examples, 13), validate, run)
    path = run.folder / "checkpoint.safetensors"
    kept = json.loads(checkpoint_notes(path)[state.STANDING])
    result = fit(make_noisy(), examples, validate, run)
    assert result.earlier_seconds == kept["elapsed"] > 0
    assert result.curve[0]["seconds"] == kept["curve"][0]["seconds"]
    assert result.curve[1]["seconds"] > kept["seconds"] > 0
    seconds = sum(row["seconds"] for row in result.curve)
    assert result.samples_per_second == pytest.approx(2 * examples.examples / seconds)


def test_operators_that_ran_before_the_break_are_told_of(examples, make_noisy, validate, make_run):
    class First(make_noisy):
        """Uses an operator in its first step only."""

        def loss(self, batch):
            if not self.steps:
                runs_native("first", [torch.zeros(1)])
            return super().loss(batch)

    run = replace(make_run(epochs=2), checkpoint_seconds=0)
    for left in (3, 2):
        with pytest.raises(BrokenOff):
            fit(First(), Breaking(examples, left), validate, run)
    with observe() as used:
        fit(First(), examples, validate, run)
    assert len(used["first"]) == 1
    with observe() as later:
        fit(First(), Breaking(examples, 1), validate, run)  # training had ended
    assert later == used


def test_the_folder_holds_one_checkpoint_and_one_best_state(
    examples, make_noisy, validate, make_run
):
    run = replace(make_run(epochs=6, patience=9), checkpoint_seconds=0)
    listings = set()

    def listing(model):
        listings.add(tuple(sorted(path.name for path in run.folder.iterdir())))
        return validate(model)

    fit(make_noisy(), examples, listing, run)
    assert ("checkpoint.safetensors",) in listings
    assert all(len(names) <= 2 for names in listings)
    assert all(names[-1] == "checkpoint.safetensors" for names in listings)


def test_two_trainings_in_one_folder_keep_apart(examples, make_noisy, validate, make_run):
    def train(run):
        model = make_noisy()
        return [fit(model, examples, validate, run).curve[-1]["auc"] for _ in range(2)]

    assert train(make_run(epochs=1))[0] != train(make_run(epochs=1))[1]
    run = make_run(epochs=1)
    assert train(run) == train(run) == train(make_run(epochs=1))


def test_stages_have_folders_and_settings_of_their_own(make_run):
    run = make_run(epochs=3)
    settings = replace(run.config, epochs=1)
    assert run.stage("base") == replace(run, folder=run.folder / "base")
    assert run.stage("second", settings).config is settings


def test_the_states_of_generators_come_back():
    random.gauss(0, 1)
    np.random.standard_normal()
    state = random_state(CPU)

    def draw():
        drawn = [random.gauss(0, 1), random.random(), np.random.standard_normal()]
        return [*drawn, np.random.rand(), *torch.rand(2).tolist()]

    first = draw()
    assert draw() != first
    set_random_state(state, CPU)
    assert draw() == first


@pytest.mark.parametrize(("text", "seconds"), [("", 120), ("0", 0), ("7.5", 7.5)])
def test_how_often_is_said_by_a_variable(text, seconds, monkeypatch, make_run):
    monkeypatch.setenv("RECBENCH_CHECKPOINT_SECONDS", text)
    assert make_run().checkpoint_seconds == checkpoint_seconds() == seconds


@pytest.mark.parametrize("text", ["often", "-1", "nan"])
def test_a_variable_that_is_no_time_is_an_error(text, monkeypatch):
    monkeypatch.setenv("RECBENCH_CHECKPOINT_SECONDS", text)
    with pytest.raises(UsageError, match=rf"RECBENCH_CHECKPOINT_SECONDS is '{text}'; give a num"):
        checkpoint_seconds()
