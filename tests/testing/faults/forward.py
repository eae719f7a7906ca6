"""Models whose `forward` takes a batch amiss, or depends on what it must not."""

from __future__ import annotations

import torch
from testing.faults.sound import Sound
from torch import nn

from recbench import Model, Reads
from recbench.schema import UNSEEN


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


class KnowsNoNewItem(Sound):
    def forward(self, features):
        for name in set(features.fields) & {"picture"}:
            assert features.fields[name].max() <= features.fields["item"].max()
        return super().forward(features)


FAULTS: dict[type[Model], set[str]] = {
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
    KnowsNoNewItem: {"vectors"},
}
