"""MeLU: a network whose last layers adapt to each user's few ratings.

Lee et al., "MeLU: Meta-Learned User Preference Estimator for Cold-Start Recommendation", KDD 2019,
algorithm 1; the meta-gradient is that of MAML (Finn et al., ICML 2017, equation 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, vmap

from recbench import (
    COMMON_SPACE,
    Choice,
    EpisodeBatch,
    Episodes,
    Features,
    LogRange,
    MetaModel,
    Range,
    Reads,
    Schema,
)
from recbench.batch import Batch
from recbench.errors import UsageError
from recbench.layers import MLP, FieldEmbeddings, widen
from recbench_models.options import Options

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class MeLUConfig(Options):
    """Options of `MeLU`."""

    embedding_dim: int = 32  # width of each field's vectors
    hidden: tuple[int, ...] = (64, 64)  # decision layers
    local_steps: int = 1  # of adaptation; 0 for the same network without
    local_learning_rate: float = 5e-6  # of adaptation, alpha
    first_order: bool = False  # leave the second derivatives out of the meta-gradient


class MeLU(MetaModel):
    """y = h(x) with x the vectors of a user's and an item's fields, and h decision layers.

    For each user, `local_steps` times, h <- h - alpha * gradient of the mean error on the support;
    vectors do not adapt. Users and items are known by their fields alone, never by their ids.
    """

    api = 1
    Config = MeLUConfig
    training_settings = {"batch_size": 32, "learning_rate": 1e-3, "epochs": 40, "patience": 4}
    search_space = {
        **COMMON_SPACE,
        "training.batch_size": Choice(16, 32, 64),  # episodes
        "embedding_dim": Choice(8, 16, 32),
        "local_steps": Range(1, 10),
        "local_learning_rate": LogRange(1e-6, 1e-1),
    }

    def __init__(self, schema: Schema, config: MeLUConfig) -> None:
        """Build the network."""
        super().__init__(schema, config)
        self.reads = Reads(recent=0)
        ids = ("user", "item")
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, exclude=ids)
        width = self.embeddings.item_width + self.embeddings.profile_width + len(schema.numbers)
        if not width:
            raise UsageError("melu knows users and items by their fields, and the dataset has none")
        self.decision = MLP(width, config.hidden, "relu")

    def forward(self, features: Features) -> Tensor:
        """Return a number or logit each, [B], without adaptation."""
        return self._decide(dict(self.decision.named_parameters()), self._vectors(features))

    def adapt(self, support: Batch) -> Callable[[Features], Tensor]:
        """Return the network with decision layers adapted to `support`."""
        labels = support.labels
        weights = self._adapted(self._vectors(support.features), labels, torch.ones_like(labels))
        return lambda features: self._decide(weights, self._vectors(features))

    def predict(self, episodes: Episodes) -> Tensor:
        """Return the output for each query after adaptation to its episode's support, [Q]."""
        outputs, real = self._answers(episodes)
        return outputs[real]

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Return the mean over episodes of the error on the queries after adaptation."""
        outputs, real = self._answers(batch.inputs)
        labels = _padded(batch.labels, batch.query_offsets)
        return vmap(self._error)(outputs, labels, real.to(outputs.dtype)).mean()

    def _answers(self, episodes: Episodes) -> tuple[Tensor, Tensor]:
        """Return outputs for the queries of each episode and which are real, both [E, Q']."""
        support = _padded(self._vectors(episodes.support.features), episodes.support_offsets)
        labels = _padded(episodes.support.labels, episodes.support_offsets)
        known = _real(episodes.support_offsets, labels).to(support.dtype)
        query = _padded(self._vectors(episodes.query), episodes.query_offsets)

        def answer(vectors: Tensor, labels: Tensor, known: Tensor, query: Tensor) -> Tensor:
            return self._decide(self._adapted(vectors, labels, known), query)

        outputs = vmap(answer)(support, labels, known, query)
        return outputs, _real(episodes.query_offsets, outputs)

    def _adapted(self, vectors: Tensor, labels: Tensor, known: Tensor) -> Weights:
        """Return the decision layers' weights after all local steps on one support.

        Args:
            vectors: Of the support, [S, W].
            labels: [S].
            known: 1 for real examples, 0 for padding, [S].
        """

        def error(weights: Weights) -> Tensor:
            return self._error(self._decide(weights, vectors), labels, known)

        weights: Weights = dict(self.decision.named_parameters())
        for _ in range(self.config.local_steps):
            steps = grad(error)(weights)
            if self.config.first_order:
                steps = {name: step.detach() for name, step in steps.items()}
            rate = self.config.local_learning_rate
            weights = {name: value - rate * steps[name] for name, value in weights.items()}
        return weights

    def _error(self, outputs: Tensor, labels: Tensor, known: Tensor) -> Tensor:
        """Return the mean error over known examples, 0 without any."""
        (label,) = self.schema.of("label")
        error = F.binary_cross_entropy_with_logits if label.size else F.mse_loss
        outputs = widen(outputs)
        each = error(outputs, labels.to(outputs.dtype), reduction="none")
        return (each * known).sum() / known.sum().clamp(min=1)

    def _decide(self, weights: Weights, vectors: Tensor) -> Tensor:
        output: Tensor = functional_call(self.decision, weights, (vectors,))
        return output.squeeze(-1)

    def _vectors(self, features: Features) -> Tensor:
        return torch.cat((self.embeddings(features).flatten(1), features.numbers), 1)


def _padded(values: Tensor, offsets: tuple[int, ...]) -> Tensor:
    """Return the rows of each episode, padded with zeros, [E, R, ...]."""
    bounds = torch.tensor(offsets, device=values.device)
    place = torch.arange(int(bounds.diff().max()), device=values.device)
    rows = (bounds[:-1, None] + place).where(_real(offsets, place), len(values))
    nothing = values.new_zeros((1, *values.shape[1:]))
    chosen = torch.cat((values, nothing)).index_select(0, rows.flatten())
    return chosen.view(*rows.shape, *values.shape[1:])


def _real(offsets: tuple[int, ...], padded: Tensor) -> Tensor:
    """Return which places of rows as wide as `padded` are real, [E, R]."""
    lengths = torch.tensor(offsets, device=padded.device).diff()
    return torch.arange(padded.shape[-1], device=padded.device) < lengths[:, None]
