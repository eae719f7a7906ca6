"""GRU4Rec.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from recbench import COMMON_SPACE, Features, NextItemBatch, NextItemModel, Range, Reads, Schema
from recbench.errors import UsageError
from recbench.layers import FieldEmbeddings, item_cross_entropy
from recbench.schema import FIRST_ID
from recbench_models.options import Options


@dataclass(frozen=True)
class GRU4RecConfig(Options):
    """Options of `GRU4Rec`."""

    embedding_dim: int = 100  # width of the items that the GRU reads
    hidden: int = 100  # width of its state
    history_length: int = 50  # latest clicks read
    dropout: float = 0.0  # share of the state's units left out in training
    shared_items: bool = False  # whether candidates have the vectors of clicks; equal widths then

    def __post_init__(self) -> None:
        """Refuse widths that do not fit together."""
        super().__post_init__()
        if self.shared_items and self.embedding_dim != self.hidden:
            raise UsageError(
                "gru4rec.shared_items needs items as wide as the state; embedding_dim is "
                f"{self.embedding_dim} and hidden {self.hidden}"
            )


class GRU4Rec(NextItemModel):
    """A GRU reads the session, and its last state scores every item.

    Departures from the paper:

    - The loss is the cross-entropy over all items, not TOP1 or BPR over the items of a batch.
    - A batch holds prefixes of any sessions, so that gradients reach a session's first click; the
      paper runs sessions side by side and cuts gradients after one step.
    - Items are embedded, where the paper reads one-hot vectors.
    - `shared_items` is the "constrained embedding" of Hidasi and Karatzoglou, "Recurrent Neural
      Networks with Top-k Gains for Session-based Recommendations", CIKM 2018.
    """

    api = 1
    Config = GRU4RecConfig
    search_space = {**COMMON_SPACE, "dropout": Range(0.0, 0.5)}

    config: GRU4RecConfig

    def __init__(self, schema: Schema, config: GRU4RecConfig) -> None:
        """Build the model."""
        super().__init__(schema, config)
        self.reads = Reads(recent=config.history_length)
        item = schema.of("item")[0]
        others = [field.name for field in schema.fields if field != item]
        self.embeddings = FieldEmbeddings(schema, config.embedding_dim, others)
        self.gru = nn.GRU(config.embedding_dim, config.hidden, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(schema.items))
        self.output: nn.Parameter | None = None
        if not config.shared_items:
            drawn = torch.empty(schema.items, config.hidden).normal_(std=config.hidden**-0.5)
            self.output = nn.Parameter(drawn)

    def forward(self, features: Features) -> Tensor:
        """Return scores, [B, items]."""
        table, first = self.candidates()
        return F.linear(self.state(features), table[first:], self.bias)

    def loss(self, batch: NextItemBatch) -> Tensor:
        """Return the mean cross-entropy of the next item among all items."""
        state = self.state(batch.features)
        table, first = self.candidates()
        return item_cross_entropy(state, table, batch.labels, first, bias=self.bias)

    def state(self, features: Features) -> Tensor:
        """Return the GRU's state after each session, [B, hidden]; zeros where it is empty."""
        history = features.history
        recent = history.recent(max(1, min(self.config.history_length, history.longest)))
        # Packing asks for at least one step; an empty session makes one, which is then ignored.
        lengths = recent.lengths.clamp(min=1).cpu()
        clicks = self.embeddings.history(recent)
        packed = pack_padded_sequence(clicks, lengths, batch_first=True, enforce_sorted=False)
        state = self.gru(packed)[1][0] * (recent.lengths > 0)[:, None]
        return F.dropout(state, self.config.dropout, self.training)

    def candidates(self) -> tuple[Tensor, int]:
        """Return a table of vectors, [rows, hidden], and the row of the first item."""
        if self.output is not None:
            return self.output, 0
        return self.embeddings.table(self.embeddings.fields[0]), FIRST_ID
