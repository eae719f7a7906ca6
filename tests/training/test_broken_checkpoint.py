"""Checkpoints that cannot be gone on from are told of, and training begins anew."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from heard import Heard
from torch import nn
from training.breaking import Breaking, BrokenOff, require_same

from recbench.errors import RecbenchError
from recbench.training import fit


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
