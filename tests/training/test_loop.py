import math

import pytest
import torch
import torch.nn.functional as F
from heard import Heard

from recbench.errors import (
    OutOfMemoryError,
    PluginError,
    RecbenchError,
    TrainingError,
    UsageError,
)
from recbench.metrics import auc, logloss
from recbench.training import TrainingRun, fit


def judge(examples):
    """Return a function that scores a model on the examples themselves."""

    @torch.no_grad()
    def validate(model):
        model.eval()
        logits = torch.cat([model(batch.features) for batch in examples])
        return {"auc": auc(examples.label, logits), "logloss": logloss(examples.label, logits)}

    return validate


def scripted(*scores, name="auc"):
    """Return a function that gives one score after the other, and the models' states it saw."""
    left, states = list(scores), []

    def validate(model):
        states.append({key: value.clone() for key, value in model.state_dict().items()})
        return {name: left.pop(0)}

    return validate, states


def test_training_improves_the_model(examples, make_model, make_run):
    model = make_model()
    validate = judge(examples)
    before = validate(model)
    result = fit(model, examples, validate, make_run(epochs=4))
    assert result.best["auc"] > 0.85 > before["auc"]
    assert result.best == validate(model)
    assert result.epochs == len(result.curve) == 4
    losses = [epoch["loss"] for epoch in result.curve]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < math.log(2)
    assert set(result.curve[0]) == {"epoch", "loss", "seconds", "auc", "logloss"}
    assert result.samples_per_second > 0


def test_the_reported_loss_is_the_mean_over_examples(examples, make_model, make_run):
    model = make_model()
    result = fit(model, examples, judge(examples), make_run(epochs=1, learning_rate=1e-12))
    with torch.no_grad():
        logits = torch.cat([model(batch.features) for batch in examples])
    expected = F.binary_cross_entropy_with_logits(logits, torch.tensor(examples.label).float())
    assert result.curve[0]["loss"] == pytest.approx(float(expected), abs=1e-6)


def test_the_best_state_is_restored_and_not_the_last(examples, make_model, make_run):
    validate, states = scripted(0.6, 0.8, 0.7, 0.75)
    model = make_model()
    result = fit(model, examples, validate, make_run(epochs=4, patience=5))
    assert result.best == {"auc": 0.8}
    assert torch.equal(model.state_dict()["weights.weight"], states[1]["weights.weight"])
    assert not torch.equal(states[1]["weights.weight"], states[3]["weights.weight"])


@pytest.mark.parametrize(("patience", "epochs"), [(0, 3), (1, 4), (2, 7), (9, 7)])
def test_training_stops_when_patience_is_used_up(examples, make_model, make_run, patience, epochs):
    validate, states = scripted(0.6, 0.7, 0.7, 0.5, 0.8, 0.7, 0.7)
    result = fit(make_model(), examples, validate, make_run(epochs=7, patience=patience))
    assert result.epochs == len(states) == epochs


def test_a_metric_of_which_less_is_better_can_be_monitored(examples, make_model, make_run):
    validate, _ = scripted(0.6, 0.4, 0.5, name="logloss")
    run = make_run(monitor="logloss", patience=5)
    assert fit(make_model(), examples, validate, run).best == {"logloss": 0.4}


def test_an_unknown_metric_to_monitor_gets_the_right_one(examples, make_model, make_run):
    with pytest.raises(UsageError, match="metric in training.monitor: 'gacu'; did you mean gauc"):
        validate = lambda model: {"gauc": 0.5}  # noqa: E731
        fit(make_model(), examples, validate, make_run(monitor="gacu"))


def test_a_score_that_is_undefined_never_beats_one_that_is(examples, make_model, make_run):
    validate, _ = scripted(math.nan, 0.4, math.nan)
    assert fit(make_model(), examples, validate, make_run(patience=5)).best == {"auc": 0.4}


def test_two_trainings_with_one_seed_are_bitwise_equal(examples, make_model, make_run):
    def train(seed):
        torch.manual_seed(seed)
        model = make_model(dropout=0.3)
        result = fit(model, examples, judge(examples), make_run())
        return model.weights.weight.detach(), [epoch["loss"] for epoch in result.curve]

    (one, losses), (same, same_losses), (other, _) = train(1), train(1), train(2)
    assert torch.equal(one, same)
    assert losses == same_losses
    assert not torch.equal(one, other)


def test_gradients_are_clipped_to_the_norm_asked_for(examples, make_model, make_run):
    def step(clip):
        model = make_model()
        run = make_run(epochs=1, optimizer="sgd", learning_rate=1.0, gradient_clip=clip)
        examples.batch_size = examples.examples  # a single step
        fit(model, examples, judge(examples), run)
        return float(model.weights.weight.detach().norm())

    assert step(0.0) > 0.05
    assert step(0.01) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_is_that_of_the_layers_and_not_of_loss_and_validation(
    examples, make_model, make_run, precision
):
    class Watched(type(make_model())):
        seen = set()

        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(1, 1)

        def forward(self, features):
            out = self.linear(self.weights(features.fields["item"]))
            self.seen.add(("training" if self.training else "validation", out.dtype))
            return out.squeeze(1)

        def loss(self, batch):
            loss = super().loss(batch)
            self.seen.add(("loss", loss.dtype))
            return loss

    result = fit(Watched(), examples, judge(examples), make_run(precision=precision))
    assert Watched.seen == {
        ("training", getattr(torch, precision)),
        ("loss", torch.float32),
        ("validation", torch.float32),
    }
    assert result.best["auc"] > 0.8


def test_steps_whose_gradients_leave_the_range_of_float16_are_left_out(
    examples, make_model, make_run
):
    class Steep(type(make_model())):
        def loss(self, batch):
            return super().loss(batch) * 1e35  # times the first scale, 65536, it is infinite

    model, states = Steep(), []

    def validate(candidate):
        states.append(candidate.weights.weight.detach().clone())
        return {"auc": 0.5}

    run = make_run(precision="float16", epochs=1, optimizer="sgd", learning_rate=1e-35)
    fit(model, examples, validate, run)
    assert states[0].isfinite().all()
    assert states[0].abs().sum() > 0  # the scale has come down, and steps were made


def test_a_step_without_memory_ends_with_a_batch_size_that_has(examples, make_model, make_run):
    class Large(type(make_model())):
        def loss(self, batch):
            if len(batch) > 9:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
            return super().loss(batch)

    expected = (
        r"training step 1 of epoch 1 ran out of memory with 32 examples at a time "
        r"\(.* by this process\): 8 of them went through, found by halving: "
        r"--set training\.batch_size=8, or less"
    )
    with pytest.raises(OutOfMemoryError, match=expected):
        fit(Large(), examples, judge(examples), make_run())


def test_a_validation_without_memory_loses_no_pass_before_it(examples, make_model, make_run):
    steps = []

    class Counted(type(make_model())):
        def loss(self, batch):
            steps.append(len(batch))
            return super().loss(batch)

    def too_large(model):
        torch.rand(1)
        raise OutOfMemoryError("no room")

    torch.manual_seed(1)
    expected = fit(make_model(dropout=0.3), examples, judge(examples), make_run())
    run = make_run()
    torch.manual_seed(1)
    with pytest.raises(OutOfMemoryError, match="no room"):
        fit(make_model(dropout=0.3), examples, too_large, run)
    torch.manual_seed(1)
    found = fit(Counted(dropout=0.3), examples, judge(examples), run)
    assert len(steps) == (expected.epochs - 1) * examples.batches
    assert [row["loss"] for row in found.curve] == [row["loss"] for row in expected.curve]
    assert found.best == expected.best


def test_a_loss_that_is_not_finite_stops_with_epoch_steps_and_a_mend(
    examples, make_model, make_run
):
    class Broken(type(make_model())):
        calls = 0

        def loss(self, batch):
            self.calls += 1
            return super().loss(batch) * (math.nan if self.calls > 10 else 1)

    expected = r"loss is nan in epoch 2, between steps 1 and 8; try a lower training\.learning_rate"
    with pytest.raises(TrainingError, match=expected):
        fit(Broken(), examples, judge(examples), make_run())


def test_no_examples_are_an_error(examples, make_model, make_run):
    examples.examples = 0
    with pytest.raises(TrainingError, match="no examples; see `recbench data describe`"):
        fit(make_model(), examples, judge(examples), make_run())


def test_a_checkpoint_that_cannot_be_written_is_an_error(examples, make_model, make_run, tmp_path):
    run = make_run()
    (tmp_path / "file").write_text("")
    blocked = TrainingRun(run.config, tmp_path / "file" / "state")
    with pytest.raises(RecbenchError, match=r"cannot write the checkpoint .*best-1\.safetensors"):
        fit(make_model(), examples, judge(examples), blocked)


def test_progress_hears_every_example_and_every_epoch(examples, make_model, make_run):
    heard = Heard()
    examples.batch_size = 3  # 80 steps, so that a look at the loss falls within the epoch
    validate, _ = scripted(0.6, 0.5)
    run = make_run(epochs=2)
    fit(make_model(), examples, validate, TrainingRun(run.config, run.folder, progress=heard))
    bars = [(bar.label, bar.done) for bar in heard.bars]
    assert bars == [("epoch 1/2", 240), ("epoch 2/2  best auc 0.6000", 240)]
    losses = [figures.get("loss") for figures in heard.bars[0].figures]
    assert losses[:49] == [None] * 49
    assert len(losses) == 80
    assert all(0 < loss < 1 for loss in losses[49:])
    assert [("(best)" in note, note[:11]) for note in heard.notes] == [
        (True, "epoch 1/2  "),
        (False, "epoch 2/2  "),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda loss: None, "a NoneType"),
        (lambda loss: loss.item(), "a float"),
        (lambda loss: loss.repeat(2), r"a tensor of shape \(2,\)"),
        (lambda loss: loss.detach(), "a tensor without gradient, which is detached"),
    ],
)
def test_a_loss_that_nothing_can_be_learnt_from_is_refused(
    examples, make_model, make_run, monkeypatch, change, said
):
    model = make_model()
    loss = model.loss
    monkeypatch.setattr(model, "loss", lambda batch: change(loss(batch)))
    with pytest.raises(PluginError, match=f"Weights.loss returned {said}.* a scalar tensor with"):
        fit(model, examples, judge(examples), make_run())


def test_a_model_without_parameters_is_told_to_override_fit(examples, make_model, make_run):
    model = make_model().requires_grad_(False)
    with pytest.raises(TrainingError, match="Weights has no parameters .* overrides fit"):
        fit(model, examples, judge(examples), make_run())
