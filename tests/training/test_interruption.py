"""A training that is broken off and made again ends as one that was not."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from recbench.errors import RecbenchError, UsageError
from recbench.ops.dispatch import observe, runs_native
from recbench.progress import Progress
from recbench.training import TrainingRun, checkpoint_notes, fit, state
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


class BrokenOff(Exception):  # noqa: N818 - not an error of anything here
    """The power went."""


class Breaking:
    """Examples that break off when batch number `left` is asked for."""

    def __init__(self, examples, left: int) -> None:
        self.whole, self.left = examples, left
        self.examples, self.batches = examples.examples, examples.batches

    def epoch(self, number, skip=0):
        for batch in self.whole.epoch(number, skip):
            self.left -= 1
            if not self.left:
                raise BrokenOff
            yield batch


class Heard(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def about(self, word):
        return [note for note in self.notes if word in note]


@pytest.fixture
def make_noisy(make_model):
    """Return a function that makes a model that draws from every generator, and counts steps."""

    class Noisy(make_model):
        def __init__(self):
            torch.manual_seed(3)
            random.seed(3)
            np.random.seed(3)
            super().__init__(dropout=0.3)
            self.linear = nn.Linear(2, 3)
            self.turned = nn.Parameter(torch.rand(4, 3).T)  # in memory, columns first
            self.again = nn.Linear(2, 3)
            self.again.weight = self.linear.weight
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

        def forward(self, features):
            out = super().forward(features)
            return out + self.turned[:, features.fields["item"] % 4].sum(0)

        def loss(self, batch):
            self.steps += 1
            noise = random.gauss(0, 1) + np.random.standard_normal() + torch.rand(2)
            kept = (self.linear(noise) + self.again(noise)).square().mean()
            return super().loss(batch) + kept / self.steps

    return Noisy


@pytest.fixture
def validate(examples):
    """Validation that tells a better state from a worse one, and draws at random as well."""

    @torch.no_grad()
    def score(model):
        model.eval()
        torch.rand(1)
        return {"auc": float(model.weights.weight[:6].sum() - model.turned.square().sum())}

    return score


@pytest.fixture
def outcome(make_noisy, examples, validate):
    """Return a function that trains with breaks and returns all that is to be the same."""

    def train(run: TrainingRun, breaks=()):
        for left in breaks:
            with suppress(BrokenOff):
                fit(make_noisy(), Breaking(examples, left), validate, run)
        model = make_noisy()
        result = fit(model, examples, validate, run)
        curve = [{**row, "seconds": 0} for row in result.curve]
        return curve, result.best, result.epochs, model.state_dict(), random_state(CPU)

    return train


def require_same(found, expected):
    assert found[:3] == expected[:3]
    for one, other in zip(found[3:], expected[3:], strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert torch.equal(value, other[name]), name


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


def edited(data: bytes) -> bytes:
    """Return a file with one character of a note changed."""
    place = data.index(b'"recbench.training":"') + 30
    return data[:place] + (b"0" if data[place : place + 1] != b"0" else b"1") + data[place + 1 :]


DAMAGE = {
    "truncated": (lambda data: data[: len(data) // 2], "cannot read the checkpoint"),
    "empty": (lambda data: b"", "cannot read the checkpoint"),
    "flipped": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is damaged"),
    "edited": (edited, "is damaged"),
    "pickled": (lambda data: b"\x80\x04N.", "cannot read the checkpoint"),
}


@pytest.fixture
def broken(examples, make_noisy, validate, make_run):
    """A run that was broken off in its second epoch, and who hears of it from now on."""
    run = replace(make_run(epochs=2), checkpoint_seconds=0)
    with pytest.raises(BrokenOff):
        fit(make_noisy(), Breaking(examples, 13), validate, run)
    return replace(run, progress=Heard())


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "best-1.safetensors"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_told_of_and_training_begins_anew(name, kind, outcome, make_run, broken):
    path, (damage, reason) = broken.folder / name, DAMAGE[kind]
    path.write_bytes(damage(path.read_bytes()))
    require_same(outcome(broken), outcome(make_run(epochs=2)))
    (note,) = broken.progress.about("begins anew")
    assert str(path) in note
    assert reason in note
    assert "\n" not in note


def test_a_missing_best_state_is_told_of(outcome, make_run, broken):
    (broken.folder / "best-1.safetensors").unlink()
    require_same(outcome(broken), outcome(make_run(epochs=2)))
    assert len(broken.progress.about("best-1.safetensors")) == 1


def test_a_best_state_is_no_checkpoint(outcome, make_run, broken):
    (broken.folder / "best-1.safetensors").replace(broken.folder / "checkpoint.safetensors")
    require_same(outcome(broken), outcome(make_run(epochs=2)))
    (note,) = broken.progress.about("begins anew")
    assert "is a best state and no checkpoint" in note


@pytest.mark.parametrize("what", ["key", "settings", "seed", "shape", "state", "data"])
def test_the_checkpoint_of_another_training_is_told_of(
    what, examples, make_noisy, validate, broken, monkeypatch
):
    class Wider(make_noisy):
        def __init__(self):
            super().__init__()
            self.wider = nn.Linear(2, 4)

    kind, run = make_noisy, broken
    if what == "key":
        run = replace(run, key="another")
    elif what == "settings":
        run = replace(run, config=replace(run.config, learning_rate=0.2))
    elif what == "seed":
        monkeypatch.setattr(random, "seed", lambda seed: None)
    elif what == "shape":
        kind = Wider
    elif what == "data":
        examples.examples -= 1
    model = kind()
    if what == "state":
        nn.init.ones_(model.weights.weight)
    result = fit(model, examples, validate, run)
    assert result.earlier_seconds == 0
    path = run.folder / "checkpoint.safetensors"
    assert run.progress.notes[0] == (
        f"the checkpoint {path} is of another training; training begins anew"
    )


def test_a_model_that_has_grown_since_it_was_built_begins_anew(
    examples, make_noisy, validate, make_run
):
    class Growing(make_noisy):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))

        def loss(self, batch):
            self.seen = torch.zeros(len(self.seen) + 1)
            return super().loss(batch)

    run = replace(make_run(epochs=2), checkpoint_seconds=0, progress=Heard())
    with pytest.raises(BrokenOff):
        fit(Growing(), Breaking(examples, 3), validate, run)
    model = Growing()
    assert fit(model, examples, validate, run).epochs == 2
    assert len(run.progress.about("of a model of another shape; training begins anew")) == 1


def test_a_full_disk_ends_training_and_leaves_what_was_there(
    outcome, make_run, broken, monkeypatch
):
    before = {path: path.read_bytes() for path in broken.folder.iterdir()}

    def full(tensors, path, notes):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("recbench.training.checkpoint.save_file", full)
        expected = r"cannot write the checkpoint .*No space left.*; free some space or choose"
        with pytest.raises(RecbenchError, match=expected):
            outcome(broken)
    assert {path: path.read_bytes() for path in broken.folder.iterdir()} == before
    require_same(outcome(broken), outcome(make_run(epochs=2)))
    assert len(broken.progress.about("continues at epoch 2/2, step 5 of 8")) == 2


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
