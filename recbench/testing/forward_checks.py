"""Checks of what `forward` makes of a batch: which inputs it takes, and what it may depend on."""

from __future__ import annotations

from dataclasses import is_dataclass, replace

import torch
from torch import Tensor

from recbench.api import API_VERSION
from recbench.batch import Batch, Features, Reads
from recbench.config import build, check_config
from recbench.model import Model
from recbench.seeding import seed_everything
from recbench.testing.made_up import MADE_UP
from recbench.testing.require import require, require_equal, require_runs
from recbench.testing.rows import prune, take
from recbench.testing.subject import Subject, predict
from recbench.testing.synthetic import CATEGORIES, MIXED_LENGTHS
from recbench.training import TrainingConfig
from recbench.tuning.tune import check_space

SHORT_LENGTHS = (5, 0, 1, 3, 0, 2)
"""Histories that no model cuts, so that it is padding that grows with `History.longest`."""
EXTRA_PADDING = 7


def check_contract(subject: Subject) -> None:
    """The class states API, task, frozen `Config`, what it reads, trains with and is tuned in."""
    kind = subject.model
    require(issubclass(kind, Model), "it is no subclass of recbench.Model")
    api = getattr(kind, "api", None)
    require(api == API_VERSION, f"api is {api}; set api = {API_VERSION}")
    tasks = ", ".join(MADE_UP)
    task = getattr(getattr(kind, "task", None), "name", None)
    require(task in MADE_UP, f"its task is {task}; subclass the base of one of: {tasks}")
    config = getattr(kind, "Config", None)
    require(is_dataclass(config), "Config is not a dataclass; set Config to the model's own one")
    frozen = config.__dataclass_params__.frozen  # type: ignore[union-attr]
    require(frozen, "Config can be changed; declare it with @dataclass(frozen=True)")
    check_config(kind)
    build(TrainingConfig, kind.training_settings, f"{kind.__name__}.training_settings")
    check_space(kind)
    reads = subject.build().reads
    require(isinstance(reads, Reads), f"reads is {reads!r}; set self.reads = Reads(...)")
    sizes = (reads.recent or 0, reads.same_category)
    require(min(sizes) >= 0, f"reads is {reads}; a number of events is 0 or more")


def check_shapes(subject: Subject) -> None:
    """A batch gives one finite logit a row, and a finite scalar loss with finite gradients."""
    require_runs(subject.build(), subject.data.random())


def check_batch_of_one(subject: Subject) -> None:
    """A single example is a batch, in training too."""
    for length in (0, 1, 4):
        require_runs(subject.build(), subject.data.random([length], unseen=0))


def check_empty_history(subject: Subject) -> None:
    """A batch in which nobody has a history is a batch."""
    require_runs(subject.build(), subject.data.random([0] * len(MIXED_LENGTHS)))


def check_unseen_ids(subject: Subject) -> None:
    """Users, targets and events that the training part does not contain are taken."""
    require_runs(subject.build(), subject.data.random(unseen=1))


def check_halves(subject: Subject) -> None:
    """The logits of a batch are those of its halves, one after the other."""
    model, features = subject.trained(), subject.data.random().features
    middle, rows = len(features) // 2, range(len(features))
    halves = [predict(model, take(features, part)) for part in (rows[:middle], rows[middle:])]
    cause = "a batch in halves gives other logits than whole; a row depends on its batch"
    require_equal(torch.cat(halves), predict(model, features), cause)


def check_permutation(subject: Subject) -> None:
    """Rows in another order give their logits in that order."""
    model, features = subject.trained(), subject.data.random().features
    order = [3, 0, 7, 5, 1, 6, 2, 4]
    cause = "rows in another order get other logits; a row depends on its place or its neighbours"
    require_equal(predict(model, take(features, order)), predict(model, features)[order], cause)


def check_padding(subject: Subject) -> None:
    """Wider padding changes no logit; in training neither, where that draws nothing at random."""
    features = subject.data.random(SHORT_LENGTHS).features
    longer = features.history.longest + EXTRA_PADDING
    wider = replace(features, history=replace(features.history, longest=longer))
    cause = "a larger History.longest changes logits; padding is read, or counted"
    model = subject.trained()
    require_equal(predict(model, wider), predict(model, features), cause)
    first, second = (_training_logits(subject, features, seed) for seed in (1, 2))
    if torch.equal(first, second):
        cause = f"in training mode, {cause}"
        require_equal(_training_logits(subject, wider, 1), first, cause)


def check_reads(subject: Subject) -> None:
    """The logits depend on the events that `reads` names, and on no others."""
    model = subject.trained()
    reads = model.reads
    past = (reads.recent or 0) + 2 * CATEGORIES * reads.same_category
    features = subject.data.random([*MIXED_LENGTHS, past + 20, past + 40]).features
    expected = predict(model, features)
    cause = f"events outside of the declared {reads} change logits; declare all that is read"
    require_equal(predict(model, prune(features, reads)), expected, cause)
    if reads != Reads(recent=0):
        forgotten = predict(model, prune(features, Reads(recent=0)))
        require(
            not torch.equal(forgotten, expected),
            f"it declares {reads}, and no history changes a logit; "
            "set self.reads = Reads(recent=0) if it reads none",
        )


def check_future_blindness(subject: Subject) -> None:
    """Later examples, of the same users and about the same items, change no earlier logit."""
    model, rows = subject.trained(), len(MIXED_LENGTHS)
    drawn = subject.data.random(MIXED_LENGTHS * 2, unseen=0).features
    again = {name: ids[:rows].repeat(2) for name, ids in drawn.fields.items()}
    features = replace(drawn, fields=again)
    early, later = take(features, range(rows)), take(features, range(rows, 2 * rows))
    expected = predict(model, early)
    cause = "logits change with later examples in the same batch"
    require_equal(predict(subject.trained(), features)[:rows], expected, cause)
    other = subject.trained()
    predict(other, later)
    cause = "logits change once later examples have been predicted; forward remembers them"
    require_equal(predict(other, early), expected, cause)


def check_label_blindness(subject: Subject) -> None:
    """Other labels change the loss, and no logit."""
    batch = subject.data.random(MIXED_LENGTHS * 4)  # few items may have a score of their own
    flipped = replace(batch, labels=subject.data.opposite(batch.labels))
    losses, logits = [], []
    for each in (batch, flipped):
        model = subject.trained().train()
        losses.append(model.loss(each).item())
        logits.append(predict(model, each.features))
    require_equal(
        logits[1], logits[0], "labels that loss saw change what forward returns", exact=True
    )
    require(losses[0] != losses[1], "the loss is the same for opposite labels; it ignores them")


def check_inputs_are_kept(subject: Subject) -> None:
    """`forward` and `loss` leave the batch as it was."""
    batch, model = subject.data.random(), subject.trained()
    model.train().loss(batch)
    _require_kept(batch, subject.data.random(), "loss")
    predict(model, batch.features)
    _require_kept(batch, subject.data.random(), "forward")


def check_evaluation(subject: Subject) -> None:
    """Evaluation draws nothing at random and changes nothing in the model."""
    model, features = subject.trained(), subject.data.random().features
    before = {name: value.clone() for name, value in model.state_dict().items()}
    expected = predict(model, features)
    seed_everything(1)
    cause = "two evaluations of one batch differ; something is random, or kept from the first"
    require_equal(predict(model, features), expected, cause, exact=True)
    for name, value in model.state_dict().items():
        require(torch.equal(value, before[name]), f"evaluation changes the state's {name}")


def _training_logits(subject: Subject, features: Features, seed: int) -> Tensor:
    model = subject.trained().train()
    seed_everything(seed)
    with torch.no_grad():
        logits: Tensor = model(features)
    return logits


def _require_kept(batch: Batch, untouched: Batch, method: str) -> None:
    found, expected = _tensors(batch), _tensors(untouched)
    require(found.keys() == expected.keys(), f"{method} adds to or removes from the batch's fields")
    for place, values in expected.items():
        require(
            torch.allclose(found[place], values, rtol=0, atol=0, equal_nan=True),
            f"{method} changes {place}; copy a tensor before an operation in place",
        )


def _tensors(batch: Batch) -> dict[str, Tensor]:
    features, history = batch.features, batch.features.history
    return {
        "labels": batch.labels,
        "features.numbers": features.numbers,
        "history.age": history.age,
        "history.offsets": history.offsets,
        **{f"features.{name}": ids for name, ids in features.fields.items()},
        **{f"history.{name}": ids for name, ids in history.fields.items()},
    }
