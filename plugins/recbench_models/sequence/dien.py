"""Deep Interest Evolution Network.

Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbench import (
    COMMON_SPACE,
    CTRBatch,
    CTRModel,
    Features,
    History,
    PaddedHistory,
    Range,
    Reads,
    Schema,
)
from recbench.layers import AUGRU, GRU, MLP, Activation, DINAttention, FieldEmbeddings, watch, widen
from recbench.ops.augru import AttentionMode
from recbench.ops.ragged import masked_softmax
from recbench_models.options import Options

NEGATIVE_DRAWS = 4
"""Draws of a negative before a step whose draws all met the true item is left out."""


@dataclass(frozen=True)
class DIENConfig(Options):
    """Options of `DIEN`."""

    embedding_dim: int = 16  # width of each field's vectors
    use_user_id: bool = False  # whether the field "user" is embedded
    history_length: int = 50  # latest events read
    attention: Literal["bilinear", "mlp"] = "bilinear"  # paper; released code: mlp
    evolution: Literal["augru", "agru", "aigru"] = "augru"  # what attention does to the second GRU
    augru_variant: Literal["paper", "reference"] = "paper"  # meaning of the update gate
    aux_weight: float = 1.0  # of the auxiliary loss, alpha; 0 for none
    aux_score: Literal["inner", "mlp"] = "inner"  # paper; released code: mlp
    aux_reduction: Literal["valid_mean", "padded_mean", "sum"] = "valid_mean"  # see the class
    mlp: tuple[int, ...] = (200, 80)  # hidden layers
    activation: Activation = "prelu"  # after each hidden layer
    dropout: float = 0.0  # share of hidden units left out in training


class DIEN(CTRModel):
    """Extracts interests with a GRU and follows, with a second one, those near the target.

    Departures from the paper:

    - The auxiliary loss is averaged over steps ("valid_mean"). The paper sums it over the steps of
      a history ("sum"), which gives it 2 (T - 1) terms against one of the click loss, so that its
      weight grows with the length of histories. The released code averages over steps and padding
      ("padded_mean"), so that its weight depends on how full a batch is.
    - A negative is drawn from all events that the batch has read, so in proportion to popularity,
      as in the released data; the paper does not say. It differs from the true next item.
    - One logit instead of a softmax over two classes: the same function with fewer weights.
    - The user id is left out unless asked for.
    - "mlp" as `attention` and `aux_score` are the released code's, without its batch norm, which
      runs there without training mode and so is an affine map. Its sum over the history beside
      the final state, which padding leaks into, is left out.
    - "mlp" as `attention` reads the target itself. The released code first sends it through a
      dense layer with PReLU, as wide as the states; that layer is left out.
    - The click loss is that of one logit. The released code takes the mean over two classes, which
      is half as large, so that its auxiliary loss weighs twice as much; `aux_weight=2` does that.
    """

    api = 1
    Config = DIENConfig
    search_space = {**COMMON_SPACE, "dropout": Range(0.0, 0.5)}

    config: DIENConfig

    def __init__(self, schema: Schema, config: DIENConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=config.history_length)
        self.item = schema.of("item")[0].name
        exclude = () if config.use_user_id else ("user",)
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, exclude)
        width = self.embeddings.item_width
        # The inner products of the auxiliary loss need states as wide as items.
        self.extractor = GRU(width, width)
        self.attention = StateAttention(width, config.attention)
        self.evolution = AUGRU(width, width, _attention_mode(config))
        self.aux_score: MLP | None = None
        if config.aux_weight and config.aux_score == "mlp":
            self.aux_score = MLP(2 * width, (100, 50), "sigmoid")
        width = self.embeddings.profile_width + 2 * width
        self.mlp = MLP(width, config.mlp, config.activation, dropout=config.dropout)

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        history = self._recent(features.history)
        target, events = self.embeddings.several(features.fields, history.fields)
        states = self.interests(events, history.lengths)
        return self._logits(features, target, history, states)

    def loss(self, batch: CTRBatch) -> Tensor:
        """Return the mean binary cross-entropy plus the weighted auxiliary loss."""
        history = self._recent(batch.features.history)
        target, events = self.embeddings.several(batch.features.fields, history.fields)
        states = self.interests(events, history.lengths)
        logits = self._logits(batch.features, target, history, states)
        loss = F.binary_cross_entropy_with_logits(logits, batch.labels)
        if not self.config.aux_weight:
            return loss
        negatives = self._recent(self._draw_negatives(batch.features.history))
        aux = self.auxiliary_loss(states, events, history, negatives)
        return loss + self.config.aux_weight * aux

    def interests(self, events: Tensor, lengths: Tensor) -> Tensor:
        """Return the first GRU's state after each event, [B, T, D], zeros at padding.

        Args:
            events: The events' vectors, [B, T, D].
            lengths: Number of events in each row, [B] of int64.
        """
        states: Tensor = self.extractor(events, lengths)
        return states

    def evolve(self, target: Tensor, states: Tensor, history: PaddedHistory) -> Tensor:
        """Return the second GRU's last state, [B, D], zeros where the history is empty."""
        weights = self.attention(target, states, history.mask)
        if self.config.evolution == "aigru":
            states, weights = states * weights[..., None], torch.ones_like(weights)
        last: Tensor = self.evolution(states, weights, history.lengths)[1]
        return last

    def auxiliary_loss(
        self, states: Tensor, events: Tensor, history: PaddedHistory, negatives: PaddedHistory
    ) -> Tensor:
        """Return how badly each state tells the next event from a negative, a scalar.

        Args:
            states: The first GRU's states, [B, T, D].
            events: The events' vectors, [B, T, D].
            history: The events.
            negatives: For each event one that did not happen, or the same where none was found;
                a step with the same one is left out.
        """
        batch, steps = history.age.shape
        if steps < 2:
            return states.new_zeros(())
        differs = negatives.fields[self.item] != history.fields[self.item]
        valid = (history.mask & differs)[:, 1:]
        before = states[:, :-1]
        positive = self._score(before, events[:, 1:])
        negative = self._score(before, self.embeddings.history(negatives)[:, 1:])
        loss = F.softplus(-positive) + F.softplus(negative)
        total = loss.masked_fill(~valid, 0).sum()
        match self.config.aux_reduction:
            case "valid_mean":
                return total / valid.sum().clamp(min=1)
            case "padded_mean":
                return total / (batch * (steps - 1))
            case "sum":
                return total / batch

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return the weights of the states after the latest events, `attention`, [B, T]."""
        with watch(self.attention) as calls:
            self(features)
        return {"attention": calls[0].output}

    def _logits(
        self, features: Features, target: Tensor, history: PaddedHistory, states: Tensor
    ) -> Tensor:
        profile = self.embeddings.profile(features)
        interest = self.evolve(target, states, history)
        logits: Tensor = self.mlp(torch.cat([profile, interest, target], 1))
        return logits.squeeze(1)

    def _recent(self, history: History) -> PaddedHistory:
        return history.recent(min(self.config.history_length, history.longest))

    def _draw_negatives(self, history: History) -> History:
        """Return `history` with each event replaced by another one of the batch."""
        items = history.fields[self.item]
        drawn = _draw(items)
        for _ in range(NEGATIVE_DRAWS - 1):
            drawn = drawn.where(items[drawn] != items, _draw(items))
        return replace(history, fields={k: v[drawn] for k, v in history.fields.items()})

    def _score(self, states: Tensor, items: Tensor) -> Tensor:
        if self.aux_score is None:
            return widen(states * items).sum(-1)
        logits: Tensor = self.aux_score(torch.cat([states, items], -1))
        return widen(logits.squeeze(-1))


class StateAttention(nn.Module):
    """How much each state of interest has to do with the target: shares that sum to 1."""

    def __init__(self, width: int, form: Literal["bilinear", "mlp"]) -> None:
        """Build the score of states and targets of `width`."""
        super().__init__()
        self.score: nn.Linear | DINAttention
        if form == "bilinear":
            self.score = nn.Linear(width, width, bias=False)
        else:
            self.score = DINAttention(width, activation="sigmoid")

    def forward(self, target: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """Return the weight of each state [B, T, D] for a target [B, D], [B, T]; 0 at padding."""
        if isinstance(self.score, DINAttention):
            scores = self.score.scores(target, states, mask)
        else:
            scores = torch.bmm(states, self.score(target)[..., None])[..., 0]
        return masked_softmax(scores, mask)


def _attention_mode(config: DIENConfig) -> AttentionMode:
    match config.evolution:
        case "augru":
            return config.augru_variant
        case "agru":
            return "agru"
        case "aigru":
            return "paper"


def _draw(items: Tensor) -> Tensor:
    """Return a random position among `items` for each of them, [N]."""
    return torch.randint(max(len(items), 1), items.shape, device=items.device)
