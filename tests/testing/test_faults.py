"""Every check can fail: for each there is a model, sound but for one fault, that it catches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recbench import CTRModel, Features, Model, PaddedHistory, Range, Reads
from recbench.errors import RecbenchError
from recbench.layers import FieldEmbeddings
from recbench.schema import UNSEEN
from recbench.testing import (
    MODEL_CHECKS,
    CheckFailure,
    check_model,
)

LENGTH = 10
"""Latest events that the sound model reads."""


@dataclass(frozen=True)
class SoundConfig:
    dim: int = 8


class Sound(CTRModel):
    """Compares the target with the mean of the latest events."""

    api = 1
    Config = SoundConfig

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=LENGTH)
        self.embeddings = FieldEmbeddings(schema, config.dim, exclude=("user", "age_group"))
        self.linear = FieldEmbeddings(schema, 1)
        self.match = nn.Linear(self.embeddings.item_width, self.embeddings.item_width)

    def forward(self, features: Features) -> Tensor:
        matched = self.match(self.interest(self.recent(features)))
        score = (matched * self.embeddings.target(features)).sum(1)
        return score + self.linear(features).sum((1, 2))

    def recent(self, features: Features) -> PaddedHistory:
        return features.history.recent(min(LENGTH, features.history.longest))

    def interest(self, history: PaddedHistory) -> Tensor:
        return self.embeddings.history(history).sum(1) / history.lengths.clamp(min=1)[:, None]


class KeepsItsLastInterest(Sound):
    """Sound as well: what it keeps changes nothing."""

    def interest(self, history):
        self.last = super().interest(history)
        return self.last


class OtherVersion(Sound):
    api = 2


class NoTask(Sound):
    task = None


class MutableConfig(Sound):
    @dataclass
    class Config:
        dim: int = 8


class NegativeReads(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=LENGTH, same_category=-1)


class InitialisedByTheClock(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        generator = torch.Generator()
        generator.seed()
        self.match.weight.data.normal_(std=0.1, generator=generator)


class TrainedByTheClock(Sound):
    def fit(self, train, validate, run):
        result = super().fit(train, validate, run)
        generator = torch.Generator()
        generator.seed()
        self.match.bias.data += torch.rand(self.match.bias.shape, generator=generator)
        return result


class CountsPredictions(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.register_buffer("predictions", torch.zeros(()))

    def forward(self, features):
        self.predictions += 0 if self.training else len(features)
        return super().forward(features)


class DrawsInEvaluation(Sound):
    def forward(self, features):
        logits = super().forward(features)
        return logits if self.training else logits + 1e-6 * torch.rand(len(logits))


class OverflowsOnLongHistories(Sound):
    def forward(self, features):
        return super().forward(features) / (features.history.lengths < 50)


class ReturnsColumns(Sound):
    def forward(self, features):
        return super().forward(features)[:, None]

    def loss(self, batch):
        logits = self(batch.features)[:, 0]
        return nn.functional.binary_cross_entropy_with_logits(logits, batch.labels)


class SqueezesBatchOfOne(Sound):
    def forward(self, features):
        return super().forward(features)[:, None].squeeze()


class NormalisesBatchOfOne(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.norm = nn.BatchNorm1d(self.embeddings.item_width)

    def interest(self, history):
        return self.norm(super().interest(history))


class NeedsAnEvent(Sound):
    def interest(self, history):
        if not history.lengths.any():
            raise IndexError("no last event")
        return super().interest(history)


class NeedsASeenEvent(Sound):
    def interest(self, history):
        seen = (history.fields["item"] != UNSEEN) & history.mask
        if history.lengths.any() and not seen.any():
            raise IndexError("no seen event")
        return super().interest(history)


class ClampsInPlace(Sound):
    def forward(self, features):
        features.history.age.clamp_(max=3600)
        return super().forward(features)


class AddsAField(Sound):
    def loss(self, batch):
        batch.features.fields["position"] = torch.zeros(len(batch))
        return super().loss(batch)


class CentresTheBatch(Sound):
    def forward(self, features):
        logits = super().forward(features)
        return logits - logits.mean()


class MixesNeighbours(Sound):
    def forward(self, features):
        logits = super().forward(features)
        if len(logits) % 2:
            return logits
        return logits + 0.1 * logits.view(-1, 2).flip(1).flatten()


class CountsPadding(Sound):
    def interest(self, history):
        return self.embeddings.history(history).sum(1) / max(1, history.age.shape[1])


class NormalisesPadding(Sound):
    def interest(self, history):
        events = self.embeddings.history(history)
        if self.training and events.numel():
            events = (events - events.mean((0, 1))) * history.mask[..., None]
        return events.sum(1) / history.lengths.clamp(min=1)[:, None]


class ReadsMoreThanItSays(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=2)


class ReadsNothing(Sound):
    def forward(self, features):
        target = self.embeddings.target(features)
        return (self.match(target) * target).sum(1) + self.linear(features).sum((1, 2))


class CountsTheUsersOtherExamples(Sound):
    def forward(self, features):
        user, item = features.fields["user"], features.fields["item"]
        same = (user == user[:, None]) & (item == item[:, None])
        return super().forward(features) + 0.1 * same.sum(1)


class CachesLogits(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.cache = {}

    def forward(self, features):
        logits = super().forward(features)
        if self.training:
            return logits
        keys = zip(*(features.fields[name].tolist() for name in ("user", "item")), strict=True)
        return torch.stack([self.cache.setdefault(*row) for row in zip(keys, logits, strict=True)])


class RemembersLabels(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.register_buffer("click_rate", torch.zeros(()))

    def forward(self, features):
        return super().forward(features) + self.click_rate

    def loss(self, batch):
        result = super().loss(batch)
        self.click_rate.copy_(batch.labels[0])
        return result


class IgnoresLabels(Sound):
    def loss(self, batch):
        return self(batch.features).square().mean()


class UnusedParameter(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.unused = nn.Linear(2, 2)


class DeadParameter(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.dead = nn.Parameter(torch.ones(2))

    def forward(self, features):
        return super().forward(features) + 0 * self.dead.sum()


class TrainsTheVectors(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        tables = {name: torch.from_numpy(table) for name, table in schema.vectors.items()}
        self.own = nn.ParameterDict(tables)

    def forward(self, features):
        rows = [table[features.fields[name]].sum(1) for name, table in self.own.items()]
        return super().forward(features) + sum(rows)


class KnowsNoNewItem(Sound):
    def forward(self, features):
        for name in set(features.fields) & {"picture"}:
            assert features.fields[name].max() <= features.fields["item"].max()
        return super().forward(features)


class StateOutsideTheCheckpoint(Sound):
    offset = 0.0

    def fit(self, train, validate, run):
        result = super().fit(train, validate, run)
        self.offset = 1.0
        return result

    def forward(self, features):
        return super().forward(features) + self.offset


class AnnealsByAnAttribute(Sound):
    """Its loss changes with the number of steps, which is not in its state."""

    steps = 0

    def loss(self, batch):
        self.steps += 1
        return super().loss(batch) / self.steps


class DrawsFromItsOwnGenerator(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.generator = torch.Generator().manual_seed(0)

    def loss(self, batch):
        return super().loss(batch) * torch.rand((), generator=self.generator)


class SilencesNumPy(Sound):
    def fit(self, train, validate, run):
        np.seterr(all="ignore")
        return super().fit(train, validate, run)


class SeedsItself(Sound):
    def __init__(self, schema, config):
        torch.manual_seed(0)
        super().__init__(schema, config)


class LearnsTheOpposite(Sound):
    def loss(self, batch):
        logits = self(batch.features)
        return nn.functional.binary_cross_entropy_with_logits(logits, 1 - batch.labels)


FAULTS: dict[type[Model], set[str]] = {
    OtherVersion: {"contract"},
    MutableConfig: {"contract"},
    NegativeReads: {"contract", "reads"},
    InitialisedByTheClock: {"initialisation", "fit", "resume"},
    TrainedByTheClock: {"fit", "resume"},
    CountsPredictions: {"evaluation"},
    DrawsInEvaluation: {"evaluation", "checkpoint"},
    OverflowsOnLongHistories: {"shapes", "unseen_ids", "reads"},
    SqueezesBatchOfOne: {"batch_of_one"},
    NormalisesBatchOfOne: {"batch_of_one"},
    NeedsAnEvent: {"batch_of_one", "empty_history", "reads"},
    NeedsASeenEvent: {"unseen_ids"},
    ClampsInPlace: {"inputs_are_kept"},
    AddsAField: {"inputs_are_kept"},
    CentresTheBatch: {"halves", "future_blindness"},
    MixesNeighbours: {"permutation"},
    CountsPadding: {"padding"},
    NormalisesPadding: {"padding"},
    ReadsMoreThanItSays: {"reads"},
    ReadsNothing: {"reads", "learns"},
    CountsTheUsersOtherExamples: {"future_blindness"},
    CachesLogits: {"reads", "future_blindness", "checkpoint", "resume"},
    RemembersLabels: {"label_blindness"},
    IgnoresLabels: {"label_blindness", "learns"},
    UnusedParameter: {"gradients"},
    DeadParameter: {"gradients"},
    TrainsTheVectors: {"vectors"},
    KnowsNoNewItem: {"vectors"},
    StateOutsideTheCheckpoint: {"checkpoint"},
    AnnealsByAnAttribute: {"resume"},
    DrawsFromItsOwnGenerator: {"resume"},
    SilencesNumPy: {"surroundings"},
    SeedsItself: {"surroundings"},
    LearnsTheOpposite: {"learns"},
}
ELSEWHERE = ("adaptation", "episodes", "explanation")
"""Checks whose faults are in other files beside this one."""
NAMES = [check.__name__.removeprefix("check_") for check in MODEL_CHECKS]


def test_a_sound_model_passes_every_check(failures):
    assert failures(Sound) == set()


@pytest.mark.usefixtures("without_learning")
def test_a_model_may_keep_what_it_last_computed():
    assert check_model(KeepsItsLastInterest) is None


@pytest.mark.parametrize("model", [fault for fault in FAULTS if "learns" not in FAULTS[fault]])
@pytest.mark.usefixtures("without_learning")
def test_a_fault_fails_the_checks_it_concerns_and_no_others(model: type[Model], failures):
    assert failures(model) == FAULTS[model]


@pytest.mark.parametrize("model", [fault for fault in FAULTS if "learns" in FAULTS[fault]])
def test_a_model_that_does_not_learn_is_found_out(model: type[Model], failures):
    assert failures(model) == FAULTS[model]


def test_a_model_without_a_task_is_told_which_there_are():
    with pytest.raises(CheckFailure, match="one of: ctr, next-item") as caught:
        check_model(NoTask)
    assert caught.value.check == "check_contract"


class Misspelt(Sound):
    """Names a training setting that there is none of."""

    training_settings = {"learning_rat": 0.1}


def test_training_settings_that_do_not_exist_are_found_out():
    expected = (
        "unknown field of Misspelt.training_settings: 'learning_rat'; did you mean learning_r"
    )
    with pytest.raises(CheckFailure, match=expected) as caught:
        check_model(Misspelt)
    assert caught.value.check == "check_contract"


class Overreaching(Sound):
    """Has tuning vary what there is not."""

    search_space = {"wideness": Range(0.0, 0.5)}


def test_a_search_space_that_does_not_fit_is_found_out():
    expected = "search_space: wideness: unknown field of Overreaching.Config: 'wideness'"
    with pytest.raises(CheckFailure, match=expected) as caught:
        check_model(Overreaching)
    assert caught.value.check == "check_contract"


def test_for_every_check_there_is_a_fault_that_few_others_find():
    assert set.union(*FAULTS.values(), ELSEWHERE) == set(NAMES)
    assert max(map(len, FAULTS.values())) <= 4


@pytest.mark.parametrize(
    ("model", "check", "cause"),
    [
        (ReturnsColumns, "check_shapes", r"shape \(8, 1\) in training mode .* \[8\]"),
        (NormalisesBatchOfOne, "check_batch_of_one", "it raises ValueError: Expected more than 1"),
        (ReadsNothing, "check_reads", r"set self.reads = Reads\(recent=0\) if it reads none"),
    ],
)
def test_the_first_failure_is_told_with_its_cause(model: type[Model], check: str, cause: str):
    with pytest.raises(
        CheckFailure, match=rf"^{model.__name__} fails {check}: .*{cause}"
    ) as caught:
        check_model(model)
    assert isinstance(caught.value, RecbenchError)
    assert caught.value.check == check
    assert str(caught.value).endswith(caught.value.cause)


def test_every_check_says_in_a_sentence_what_it_demands():
    for check in MODEL_CHECKS:
        assert check.__doc__
        assert check.__doc__.endswith(".")
        assert "\n" not in check.__doc__
