"""Search-based Interest Model.

Pi et al., "Search-based User Interest Modeling with Lifelong Sequential Behavior Data for
Click-Through Rate Prediction", CIKM 2020. A general search unit (GSU) finds the events of a long
history that bear on the target; an exact search unit (ESU) attends to those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbench import COMMON_SPACE, CTRBatch, CTRModel, Features, History, Range, Reads, Schema, ops
from recbench.errors import UsageError
from recbench.layers import (
    MLP,
    Activation,
    DINAttention,
    FieldEmbeddings,
    linear_interest,
    watch,
)
from recbench.ops.ragged import masked_softmax
from recbench_models.options import Options


@dataclass(frozen=True)
class SIMConfig(Options):
    """Options of `SIM`."""

    embedding_dim: int = 16  # width of each field's vectors
    use_user_id: bool = False  # whether the field "user" is embedded
    search: Literal["soft", "hard"] = "soft"  # by inner product, or by the target's category
    top_k: int = 50  # events found in the whole history
    history_length: int = 50  # latest events, read besides
    gsu_dim: int = 16  # width of the space that soft search takes its inner products in
    heads: int = 2  # of the exact search unit
    head_dim: int = 16  # width of a head's query and keys
    time_buckets: int = 32  # age of an event: its bit length in seconds; 32 hold 68 years
    gsu_weight: float = 1.0  # of the GSU's loss, alpha; soft search only
    esu_weight: float = 1.0  # of the click loss, beta
    mlp: tuple[int, ...] = (200, 80)  # hidden layers, of the GSU's head too
    activation: Activation = "prelu"  # after each hidden layer
    dropout: float = 0.0  # share of hidden units left out in training


class SIM(CTRModel):
    """Reads the latest events as DIN does, and the few of the whole history that matter.

    Departures from the paper:

    - The latest events go through DIN's attention; the paper leaves the short-term part open to
      any model and takes DIEN in production.
    - The search covers the whole history. The paper's public data is cut in a short and a long
      part; here an event may be read by both, so that neither part hides it from the other.
    - Hard search returns the most recent `top_k`; the paper only says that it truncates.
    - Time gaps are embedded by the logarithm of the gap; the paper does not say how.
    - Embeddings are 16 wide, not 4, to be on a par with the other models here.
    """

    api = 1
    Config = SIMConfig
    search_space = {**COMMON_SPACE, "dropout": Range(0.0, 0.5)}

    config: SIMConfig

    def __init__(self, schema: Schema, config: SIMConfig) -> None:
        """Build the model; raise `UsageError` if hard search has no category to search by."""
        super().__init__(schema, config)
        soft = config.search == "soft"
        if not soft and "category" not in schema:
            raise UsageError(
                "SIM's hard search needs an item field 'category', which the dataset lacks; "
                "set search = 'soft'"
            )
        self.reads = Reads(None) if soft else Reads(config.history_length, config.top_k)
        exclude = () if config.use_user_id else ("user",)
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, exclude)
        item_width = self.embeddings.item_width
        self.gsu = SoftSearch(item_width, config) if soft else None
        self.esu = ExactSearch(item_width, config)
        self.attention = DINAttention(item_width)
        width = self.embeddings.profile_width + 2 * item_width + self.esu.width
        self.mlp = MLP(width, config.mlp, config.activation, dropout=config.dropout)

    def forward(self, features: Features) -> Tensor:
        """Return click logits, [B]."""
        return self._read(features)[0]

    def loss(self, batch: CTRBatch) -> Tensor:
        """Return beta times the mean binary cross-entropy, plus alpha times the GSU's."""
        if self.gsu is None or not self.config.gsu_weight:
            return self.config.esu_weight * super().loss(batch)
        history = batch.features.history
        logits, target, events = self._read(batch.features, history.fields)
        esu = F.binary_cross_entropy_with_logits(logits, batch.labels)
        gsu = F.binary_cross_entropy_with_logits(self.gsu(target, events, history), batch.labels)
        return self.config.esu_weight * esu + self.config.gsu_weight * gsu

    def explain(self, features: Features) -> dict[str, Tensor]:
        """Return weights of the latest events and of those found by the search.

        They are `attention`, [B, T], of the short part, and `found`, [B, K], with
        `found_attention`, [B, heads, K], of the exact search unit.
        """
        with watch(self.attention) as short, watch(self.esu) as exact:
            self(features)
        return {
            "attention": self.attention.weights(*short[0].arguments),
            "found": self.search(features),
            "found_attention": self.esu.weights(*exact[0].arguments)[0],
        }

    def search(self, features: Features) -> Tensor:
        """Return the positions of the events found in each history, [B, K], -1 beyond them."""
        history = features.history
        if self.gsu is None:
            return ops.sim_search_hard(
                history.fields["category"],
                history.offsets,
                features.fields["category"],
                self.config.top_k,
            )
        # No gradient asks for the events' vectors here, so the search reads them where they lie.
        ids = [history.fields[field.name] for field in self.embeddings.item_fields]
        with torch.no_grad():
            query, tables = self.embeddings.rows(self.gsu.query(self.embeddings.target(features)))
            return self.gsu.search(query, ids, history, tables)

    def _read(self, features: Features, *others: Mapping[str, Tensor]) -> list[Tensor]:
        """Return click logits, [B], the target's vectors, [B, D], and those of other items."""
        history = features.history.recent(min(self.config.history_length, features.history.longest))
        found = self.search(features)
        fields, age = _select(features.history, found)
        target, recent, events, *rest = self.embeddings.several(
            features.fields, history.fields, fields, *others
        )
        profile = self.embeddings.profile(features)
        short = self.attention(target, recent, history.lengths)
        long = self.esu(target, events, age, found >= 0)
        logits: Tensor = self.mlp(torch.cat([profile, short, long, target], 1))
        return [logits.squeeze(1), target, *rest]


class SoftSearch(nn.Module):
    """The GSU by inner product, and the head it is trained through (section 3.2)."""

    def __init__(self, item_width: int, config: SIMConfig) -> None:
        """Build the unit for items of `item_width`."""
        super().__init__()
        self.top_k = config.top_k
        self.target = nn.Linear(item_width, config.gsu_dim, bias=False)  # W_a
        self.event = nn.Linear(item_width, config.gsu_dim, bias=False)  # W_b
        self.head = MLP(2 * item_width, config.mlp, config.activation, dropout=config.dropout)

    def forward(self, target: Tensor, events: Tensor, history: History) -> Tensor:
        """Return click logits from the whole history, [B]."""
        interest = self.interest(target, events, history)
        logits: Tensor = self.head(torch.cat([interest, target], 1))
        return logits.squeeze(1)

    def query(self, target: Tensor) -> Tensor:
        """Return q [B, D] such that an event e is worth (W_b e) . (W_a target) = e . q."""
        projected: Tensor = self.target(target)
        return projected @ self.event.weight

    def search(
        self,
        query: Tensor,
        events: Tensor | Sequence[Tensor],
        history: History,
        tables: Sequence[Tensor] = (),
    ) -> Tensor:
        """Return the positions of the best events, [B, K], -1 where there are fewer.

        Args:
            query: What `query` returns, or what that is for the rows of `tables`, [B, D].
            events: Jagged vectors, [N, D], or ids of the events' fields, each [N], with `tables`.
            history: Where rows begin and end.
            tables: The vectors of each field's ids.
        """
        found, _ = ops.sim_search_soft(
            query, events, self.top_k, offsets=history.offsets, tables=tables
        )
        return found

    def interest(self, target: Tensor, events: Tensor, history: History) -> Tensor:
        """Return U_r = sum_i r_i e_i over the whole history, [B, D]; r_i is event i's worth.

        Args:
            target: [B, D].
            events: Jagged, [N, D].
            history: Where rows begin and end.
        """
        return linear_interest(self.query(target), events, history.offsets)


class ExactSearch(nn.Module):
    """The ESU: attention over the events found and their age (section 3.3).

    Attributes:
        width: Width of the output.
    """

    boundaries: Tensor

    def __init__(self, item_width: int, config: SIMConfig) -> None:
        """Build the unit for items of `item_width`."""
        super().__init__()
        powers = 2 ** torch.arange(config.time_buckets - 1)
        self.register_buffer("boundaries", powers, persistent=False)
        self.age = nn.Embedding(config.time_buckets, config.embedding_dim)
        nn.init.normal_(self.age.weight, std=config.embedding_dim**-0.5)
        event_width = item_width + config.embedding_dim
        self.heads = config.heads
        self.target = nn.Linear(item_width, config.heads * config.head_dim, bias=False)  # W_a
        self.event = nn.Parameter(torch.empty(config.heads, config.head_dim, event_width))  # W_b
        nn.init.uniform_(self.event, -(event_width**-0.5), event_width**-0.5)
        self.width = config.heads * event_width

    def forward(self, target: Tensor, events: Tensor, age: Tensor, real: Tensor) -> Tensor:
        """Return each head's sum of events, side by side, zeros where there is no event.

        Args:
            target: [B, D].
            events: [B, K, D].
            age: Seconds from each event to the example, [B, K] of int64.
            real: True where an event was found, [B, K].
        """
        weights, aged = self.weights(target, events, age, real)
        return torch.bmm(weights, aged).flatten(1)

    def weights(
        self, target: Tensor, events: Tensor, age: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return each head's weights, [B, heads, K], and the events with their age, [B, K, Z].

        Arguments are those of `forward`.
        """
        aged = torch.cat([events, self.age(torch.bucketize(age, self.boundaries, right=True))], -1)
        query = self.target(target).view(len(target), self.heads, -1)
        query = torch.einsum("bhd,hde->bhe", query, self.event)
        return masked_softmax(torch.bmm(query, aged.transpose(1, 2)), real[:, None]), aged


def _select(history: History, found: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Return fields and age of the events at positions `found` [B, K], 0 where it is -1."""
    real = found >= 0
    if not len(history.age):
        empty = torch.zeros_like(found)
        return dict.fromkeys(history.fields, empty), empty
    position = (history.offsets[:-1, None] + found).where(real, 0)
    fields = {name: ids[position].masked_fill(~real, 0) for name, ids in history.fields.items()}
    return fields, history.age[position].masked_fill(~real, 0)
