"""Models that are amiss in what is trained and kept: their start, their loss, their state."""

from __future__ import annotations

import numpy as np
import torch
from testing.faults.sound import Sound
from torch import nn

from recbench import Model


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
    InitialisedByTheClock: {"initialisation", "fit", "resume"},
    TrainedByTheClock: {"fit", "resume"},
    RemembersLabels: {"label_blindness"},
    IgnoresLabels: {"label_blindness", "learns"},
    UnusedParameter: {"gradients"},
    DeadParameter: {"gradients"},
    TrainsTheVectors: {"vectors"},
    StateOutsideTheCheckpoint: {"checkpoint"},
    AnnealsByAnAttribute: {"resume"},
    DrawsFromItsOwnGenerator: {"resume"},
    SilencesNumPy: {"surroundings"},
    SeedsItself: {"surroundings"},
    LearnsTheOpposite: {"learns"},
}
