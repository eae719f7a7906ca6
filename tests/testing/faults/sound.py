"""The sound model that all faults are one step away from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from recbench import CTRModel, Features, PaddedHistory, Reads
from recbench.layers import FieldEmbeddings

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
