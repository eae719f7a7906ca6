"""Checks of how a model trains: what reaches its parameters, what repeats, what is kept, learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from recbench.surroundings import SETTINGS
from recbench.testing.require import NotApplicable, require, require_equal
from recbench.testing.subject import BRIEF, BRIEF_EXAMPLES, Subject, predict, primary, score
from recbench.testing.synthetic import MIXED_LENGTHS
from recbench.training import TrainingConfig, load_checkpoint, save_checkpoint

TWO_EPOCHS = replace(BRIEF, epochs=2)
BREAK = BRIEF_EXAMPLES // BRIEF.batch_size + 2
"""Batches after which a training is broken off: within the second epoch."""

THOROUGH = TrainingConfig(epochs=10, batch_size=64, learning_rate=0.01, patience=2)
THOROUGH_EXAMPLES = 1024


def check_gradients(subject: Subject) -> None:
    """The gradient of the loss reaches every parameter that asks for one."""
    model = subject.trained().train()
    learnt = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not learnt:
        raise NotApplicable("it has no parameters")
    model.zero_grad(set_to_none=True)
    model.loss(subject.data.random(MIXED_LENGTHS * 4)).backward()  # type: ignore[no-untyped-call]
    for name, parameter in learnt.items():
        grad = parameter.grad
        require(grad is not None, f"no gradient reaches {name}; it is unused, or cut off")
        # A single number may cancel out, as a bias before a softmax does.
        dead = grad is not None and grad.numel() > 1 and not grad.any()
        require(not dead, f"the gradient of {name} is zero everywhere; it cannot learn")


def check_initialisation(subject: Subject) -> None:
    """The same seed gives the same initial state."""
    first, second = (subject.build().state_dict() for _ in range(2))
    for name, value in first.items():
        require(
            torch.equal(value, second[name]),
            f"two models of one seed begin with different {name}; "
            "draw initial values from torch's default generator only",
        )


def check_fit(subject: Subject) -> None:
    """The same seed gives the same model after `fit`, to the last bit."""
    features = subject.data.random().features
    first, second = (predict(subject.fit(BRIEF, BRIEF_EXAMPLES), features) for _ in range(2))
    cause = "two trainings with one seed end in different models"
    require_equal(second, first, cause, exact=True)


def check_checkpoint(subject: Subject) -> None:
    """A saved state, loaded into a new model, gives the same logits to the last bit."""
    model, features = subject.trained(), subject.data.random().features
    restored = subject.build(seed=1)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_checkpoint(model, path)
        load_checkpoint(restored, path)
    cause = "a state saved and loaded gives other logits; keep all state in parameters and buffers"
    require_equal(predict(restored, features), predict(model, features), cause, exact=True)


def check_resume(subject: Subject) -> None:
    """A training broken off and continued, twice, ends as one that was not, to the last bit."""
    features = subject.data.random().features
    whole, continued = (
        predict(subject.fit(TWO_EPOCHS, BRIEF_EXAMPLES, breaks), features)
        for breaks in ((), (BREAK, BREAK))
    )
    cause = (
        "a training continued from its checkpoint ends in another model; keep what training "
        "changes in parameters and persistent buffers, and draw from the global generators"
    )
    require_equal(continued, whole, cause, exact=True)


def check_surroundings(subject: Subject) -> None:
    """Building, training and predicting leave what is set for the whole process as it was."""
    before = {each.name: each.get() for each in SETTINGS}
    predict(subject.fit(BRIEF, BRIEF_EXAMPLES), subject.data.random().features)
    for each in SETTINGS:
        require(
            each.get() == before[each.name],
            f"it changes {each.name} from {before[each.name]} to {each.get()}, for the whole "
            "process and every model in it; set it for the model's own tensors, or not at all",
        )
    subject.build(seed=1)
    require(
        torch.initial_seed() == 1,
        "it seeds torch's generator, so that runs of different seeds are alike; leave that to "
        "the harness",
    )


def check_learns(subject: Subject) -> None:
    """`fit` finds a signal without noise: its primary metric on new examples is far from chance."""
    model = subject.fit(THOROUGH, THOROUGH_EXAMPLES)
    found = score(model, subject.data.planted(THOROUGH_EXAMPLES, model.reads, 3))
    require(
        found > subject.data.learnt,
        f"it reaches {primary(model)} {found:.3f} on a signal without noise; more than "
        f"{subject.data.learnt} is expected",
    )
