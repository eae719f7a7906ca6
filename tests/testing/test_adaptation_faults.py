"""Models that adapt, each sound but for one fault that the checks of adaptation catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from recbench import Batch, Episodes, Features, MetaModel, Reads
from recbench.layers import FieldEmbeddings


@dataclass(frozen=True)
class SoundConfig:
    """It has no options."""


class Sound(MetaModel):
    """Logistic regression whose bias moves to the support's labels: a step of a known size."""

    api = 1
    Config = SoundConfig

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        self.weights = FieldEmbeddings(schema, 1, std=0.0)
        self.bias = nn.Parameter(torch.zeros(()))
        self.step = nn.Parameter(torch.ones(()))

    def forward(self, features: Features) -> Tensor:
        return self.weights(features).sum((1, 2)) + self.bias

    def adapt(self, support: Batch) -> Callable[[Features], Tensor]:
        moved = self.step * self.mean(support.labels - self(support.features).sigmoid())
        return lambda features: self(features) + moved

    def mean(self, errors: Tensor) -> Tensor:
        return errors.sum() / max(1, len(errors))


class AdaptsItself(Sound):
    def adapt(self, support):
        with torch.no_grad():
            self.bias += 1e-3 * self.mean(support.labels)
        return super().adapt(support)


class RemembersItsSupport(Sound):
    """What it keeps is no state, so that a checkpoint does not tell."""

    kept = 0.0

    def adapt(self, support):
        adapted, before = super().adapt(support), self.kept
        self.kept = before + float(self.mean(support.labels)) / 2
        return lambda features: adapted(features) + before


class AdaptsAtRandom(Sound):
    def adapt(self, support):
        adapted, noise = super().adapt(support), 1e-3 * torch.rand(())
        return lambda features: adapted(features) + noise


class FreezesItself(Sound):
    def adapt(self, support):
        if not torch.is_grad_enabled():
            self.bias.requires_grad_(False)
        return super().adapt(support)


class NeedsSupport(Sound):
    def mean(self, errors):
        return errors.mean()


class ReturnsColumns(Sound):
    def adapt(self, support):
        adapted = super().adapt(support)
        return lambda features: adapted(features)[:, None]

    def error(self, output, labels):
        return super().error(output.squeeze(1), labels)

    def predict(self, episodes):
        return super().predict(episodes).squeeze(1)


class MixesEpisodes(Sound):
    """All episodes adapt to all supports, as if they were one."""

    def predict(self, episodes):
        return self.adapt(episodes.support)(episodes.query)


class AnswersWithoutSupport(Sound):
    def predict(self, episodes: Episodes) -> Tensor:
        return self(episodes.query)


class RemembersQueries(Sound):
    """Its loss looks at queries' labels for what adaptation uses later."""

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.register_buffer("click_rate", torch.zeros(()))

    def loss(self, batch):
        result = super().loss(batch)
        self.click_rate.copy_(batch.labels[0])
        return result

    def adapt(self, support):
        adapted, rate = super().adapt(support), self.click_rate.clone()
        return lambda features: adapted(features) + rate


FAULTS: dict[type[MetaModel], set[str]] = {
    AdaptsItself: {"adaptation", "episodes"},
    RemembersItsSupport: {"adaptation", "episodes"},
    AdaptsAtRandom: {"adaptation", "episodes"},
    FreezesItself: {"adaptation"},
    NeedsSupport: {"shapes", "empty_history", "unseen_ids", "adaptation"},
    ReturnsColumns: {"adaptation", "episodes"},
    MixesEpisodes: {"episodes"},
    AnswersWithoutSupport: {"episodes"},
    RemembersQueries: {"episodes"},
}


def test_a_sound_model_that_adapts_passes_every_check(failures):
    assert failures(Sound) == set()


@pytest.mark.parametrize("model", FAULTS)
@pytest.mark.usefixtures("without_learning")
def test_a_fault_fails_the_checks_of_adaptation_and_no_others(model, failures):
    assert failures(model) == FAULTS[model]
