"""Models for sessions, each sound but for one fault that some checks catch."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from recbench import Features, Model, NextItemModel, PaddedHistory, Reads
from recbench.layers import FieldEmbeddings
from recbench.schema import FIRST_ID
from recbench.testing import CheckFailure, check_model, run_checks

LENGTH = 10
"""Latest events that the sound model reads."""


@dataclass(frozen=True)
class SoundConfig:
    """Options of all models here."""

    dim: int = 8


class SoundSessions(NextItemModel):
    """Compares every item with the mean of the latest clicks."""

    api = 1
    Config = SoundConfig

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=LENGTH)
        self.embeddings = FieldEmbeddings(
            schema, config.dim, [each.name for each in schema.fields[1:]]
        )
        self.match = nn.Linear(config.dim, config.dim)

    def forward(self, features: Features) -> Tensor:
        recent = features.history.recent(min(LENGTH, features.history.longest))
        clicks = self.embeddings.history(recent).sum(1) / self.count(recent)
        return self.match(clicks) @ self.items().T

    def count(self, recent: PaddedHistory) -> Tensor:
        return recent.lengths.clamp(min=1)[:, None]

    def items(self) -> Tensor:
        return self.embeddings.table(self.embeddings.fields[0])[FIRST_ID:]


class CountsPaddedClicks(SoundSessions):
    def count(self, recent):
        return torch.full_like(recent.lengths, max(1, recent.age.shape[1]))[:, None]


class ScoresEveryId(SoundSessions):
    def items(self):
        return self.embeddings.table(self.embeddings.fields[0])


class RanksItemsInReverse(SoundSessions):
    def forward(self, features):
        scores = super().forward(features)
        return scores if self.training else -scores


class ComparesWithTheBatch(SoundSessions):
    def forward(self, features):
        scores = super().forward(features)
        return scores - scores.mean(0)


FAULTS: dict[type[Model], set[str]] = {
    CountsPaddedClicks: {"padding"},
    RanksItemsInReverse: {"learns"},
    ComparesWithTheBatch: {"halves", "future_blindness"},
}


def test_a_sound_model_passes_every_check_that_applies():
    without = {each.name: each.reason for each in run_checks(SoundSessions) if each.reason}
    assert without == {
        "check_adaptation": "it does not adapt",
        "check_episodes": "it does not adapt",
        "check_explanation": "it explains nothing",
    }
    assert check_model(SoundSessions) is None


@pytest.mark.parametrize("model", FAULTS)
def test_a_fault_fails_the_checks_it_concerns_and_no_others(model, failures):
    assert failures(model) == FAULTS[model]


def test_scores_of_another_shape_are_told_with_the_right_one():
    cause = r"shape \(8, 34\) .* a score for each item.* \[8, 32\]"
    with pytest.raises(CheckFailure, match=cause) as caught:
        check_model(ScoresEveryId)
    assert caught.value.check == "check_shapes"
