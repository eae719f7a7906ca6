"""Steps replayed as CUDA graphs, with what stands in for a GPU's: a replay calls the step again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from heard import Heard

from recbench.errors import OutOfMemoryError, UsageError
from recbench.metrics import auc
from recbench.training import fit, graphs
from recbench.training.graphs import (
    StepGraphs,
    round_events,
    step_graphs,
)


class StandIn:
    """Replays on the same tensors: it reads where the step read and writes where it wrote."""

    def __init__(self, model):
        self.parameters = list(model.parameters())
        self.calls = []

    def aside(self, function):
        self.calls.append("aside")
        return function()

    def record(self, function):
        self.calls.append("record")
        result, fresh = function(), True
        gradients = [each.grad for each in self.parameters]

        def replay():
            nonlocal fresh
            self.calls.append("replay")
            if not fresh:  # recording computes nothing on a GPU; here it has
                result.copy_(function())
                for gradient, parameter in zip(gradients, self.parameters, strict=True):
                    if gradient is not None:
                        gradient.copy_(parameter.grad)
            fresh = False

        return replay, result


@pytest.fixture
def stand_in(monkeypatch):
    """Return a function that has `fit` record with stand-ins, and returns the list of them."""

    def put():
        made = []

        def make(gradients, model, device):
            made.append(StandIn(model))
            return StepGraphs(gradients, model, made[-1])

        monkeypatch.setattr("recbench.training.loop.step_graphs", make)
        return made

    return put


@pytest.fixture
def stepping(make_model):
    """Return a model, its step and the graphs of it."""
    model = make_model()

    def gradients(batch):
        model.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        return loss.detach()

    return model, gradients, StepGraphs(gradients, model, StandIn(model))


def judge(examples):
    return lambda model: {
        "auc": auc(examples.label, model.weights.weight.detach()[examples.item, 0])
    }


@pytest.mark.parametrize(
    "config", [{}, {"gradient_clip": 0.01}, {"optimizer": "adagrad"}, {"precision": "float16"}]
)
def test_a_training_is_the_same_with_graphs(config, examples, make_model, make_run, stand_in):
    def trained():
        torch.manual_seed(0)
        model = make_model(dropout=0.3)
        found = fit(model, examples, judge(examples), make_run(**config))
        return [each["loss"] for each in found.curve], model.weights.weight

    losses, weights = trained()
    recorders = stand_in()
    again, found = trained()
    assert again == losses
    assert torch.equal(found, weights)
    assert {"aside", "record", "replay"} == set(recorders[0].calls)


def test_the_second_batch_of_a_shape_is_recorded_and_replayed(stepping, examples):
    model, gradients, steps = stepping
    batches = list(examples.epoch(1))  # seven of 32 and one of 16
    for batch in [*batches, *batches]:
        loss = steps(batch)
        found = model.weights.weight.grad.clone()
        assert torch.equal(loss, gradients(batch))
        assert torch.equal(found, model.weights.weight.grad)
    first, second = ["aside", "record", "replay"], ["aside"]
    expected = [*first, *["replay"] * 5, *second, *["replay"] * 7, "record", "replay"]
    assert steps._recorder.calls == expected
    assert (steps.steps, steps.replayed) == (16, 14)
    assert str(steps) == "CUDA graphs: 14 of 16 steps replayed, from 2"


def test_what_is_kept_in_mind_is_limited(stepping, examples, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_SHAPES", 2)
    _, _, steps = stepping
    whole = next(iter(examples.epoch(1)))
    for size in (1, 2, 3, 3, 3, 2):
        steps(whole.first(size))
    assert steps._recorder.calls == ["aside"] * 5 + ["record", "replay"]


def test_how_many_steps_were_replayed_is_told(examples, make_model, make_run, stand_in):
    stand_in()
    shown = Heard()
    fit(make_model(), examples, judge(examples), replace(make_run(epochs=2), progress=shown))
    assert shown.notes[-1] == "CUDA graphs: 14 of 16 steps replayed, from 2"


def test_graphs_hold_no_more_gradients_than_they_may(stepping, examples, monkeypatch):
    model, gradients, _ = stepping
    monkeypatch.setattr(graphs, "MOST_GRADIENTS", 100)  # the model's are of 48 bytes
    recorder = StandIn(model)
    steps = StepGraphs(gradients, model, recorder)
    whole = next(iter(examples.epoch(1)))
    for size in (4, 3, 2, 2, 3, 3, 4, 4, 2):
        steps(whole.first(size))
    replayed = ["record", "replay", "record", "replay", "replay", "aside", "aside", "replay"]
    assert recorder.calls == ["aside"] * 3 + replayed


def test_memory_that_runs_out_while_recording_is_said_as_such(
    examples, make_model, make_run, stand_in, monkeypatch
):
    def fail(self, function):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(StandIn, "record", fail)
    stand_in()
    expected = "training step 2 of epoch 1 ran out of memory with 32 examples .* 16 of them went"
    with pytest.raises(OutOfMemoryError, match=expected):
        fit(make_model(), examples, judge(examples), make_run())


@pytest.mark.parametrize(
    ("events", "expected"),
    [(0, 0), (1, 1), (15, 15), (16, 16), (17, 18), (31, 32), (33, 36), (1000, 1024), (1025, 1152)],
)
def test_numbers_are_rounded_up_by_an_eighth_at_most(events, expected, examples):
    batch = next(iter(examples.epoch(1)))
    history = replace(
        batch.features.history,
        fields={"item": torch.arange(events)},
        age=torch.arange(events),
        longest=events,
    )
    features = replace(batch.features, history=history)
    found = round_events(replace(batch, features=features)).features.history
    assert len(found.age) == len(found.fields["item"]) == found.longest == expected
    assert expected <= events * 9 / 8
    assert torch.equal(found.fields["item"], torch.arange(expected) % max(1, events))
    assert found.offsets is history.offsets


def test_graphs_are_asked_for_by_a_variable(examples, make_model, make_run, monkeypatch):
    model, device = make_model(), torch.device("cpu")
    for text in (None, "", "0"):
        if text is not None:
            monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", text)
        assert step_graphs(model.loss, model, device) is None
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    expected = "RECBENCH_CUDA_GRAPHS=1 needs a GPU, and the device is 'cpu'; unset it"
    with pytest.raises(UsageError, match=expected):
        fit(model, examples, judge(examples), make_run())
