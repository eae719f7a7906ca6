"""Embeddings of a schema's fields, shared between the target item and the history's events."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from recbench.batch import Features, History, PaddedHistory
from recbench.layers.lookup import lookup
from recbench.schema import PADDING, UNSEEN, Field, Schema


class FieldEmbeddings(nn.Module):
    """One table for each user, item and context field that is no number.

    The vector of `PADDING` is zero and stays zero. The vector of `UNSEEN` begins at zero, and
    since training meets no unseen value, ends there too: unseen values are neutral, not random.

    Attributes:
        fields: The embedded fields, in schema order.
        item_width: Width of an item or event, K * D for K item fields.
        profile_width: Width of `profile`, P * D for P user and context fields; may be 0.
    """

    def __init__(
        self, schema: Schema, dim: int, exclude: Collection[str] = (), std: float | None = None
    ) -> None:
        """Build the tables.

        Args:
            schema: The dataset's fields.
            dim: Width of each field's vectors, D.
            exclude: Names of fields to leave out, if the schema has them.
            std: Standard deviation of the normal distribution that vectors are drawn from;
                1 / sqrt(D) if None, which makes them about one long: much smaller ones take
                epochs to tell apart.
        """
        super().__init__()
        std = dim**-0.5 if std is None else std
        known = (field for field in schema.of("user", "item", "context") if field.size)
        self.fields = tuple(field for field in known if field.name not in exclude)
        tables = [torch.empty(field.size, dim).normal_(std=std) for field in self.fields]
        for table in tables:
            table[[PADDING, UNSEEN]] = 0
        self.tables = nn.ParameterList(tables)
        self._item = self._positions("item")
        self._profile = self._positions("user", "context")
        self.item_width = len(self._item) * dim
        self.profile_width = len(self._profile) * dim

    def forward(self, features: Features) -> Tensor:
        """Return the vectors of all fields, in schema order, [B, F, D]."""
        return torch.stack(self._lookup(features.fields, range(len(self.fields))), 1)

    def items(self, fields: Mapping[str, Tensor]) -> Tensor:
        """Return items given by the ids of their fields, each [...], as vectors [..., K * D]."""
        return self.several(fields)[0]

    def several(self, *items: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what `items` returns for each of several, with one backward pass for all.

        That saves the other passes' gradients, each as large as the tables.
        """
        vectors = []
        for i in self._item:
            name = self.fields[i].name
            vectors.append(lookup(self._table(i), *(fields[name] for fields in items)))
        return [torch.cat(each, -1) for each in zip(*vectors, strict=True)]

    def target(self, features: Features) -> Tensor:
        """Return the target item's vectors, [B, K * D]."""
        return self.items(features.fields)

    def history(self, padded: PaddedHistory) -> Tensor:
        """Return the events' vectors, [B, T, K * D], zero at padding."""
        return self.items(padded.fields)

    def jagged(self, history: History) -> Tensor:
        """Return the vectors of all events without padding, [N, K * D]."""
        return self.items(history.fields)

    def profile(self, features: Features) -> Tensor:
        """Return the vectors of the user and context fields, [B, P * D]."""
        vectors = self._lookup(features.fields, self._profile)
        if vectors:
            return torch.cat(vectors, -1)
        return self._table(0).new_empty(len(features), 0)

    def table(self, field: Field) -> Tensor:
        """Return the weight of a field's table, [size, D]."""
        return self._table(self.fields.index(field))

    def _positions(self, *roles: str) -> tuple[int, ...]:
        return tuple(i for i, field in enumerate(self.fields) if field.role in roles)

    def _lookup(self, ids: Mapping[str, Tensor], positions: Collection[int]) -> list[Tensor]:
        return [lookup(self._table(i), ids[self.fields[i].name])[0] for i in positions]

    def _table(self, position: int) -> Tensor:
        table: Tensor = self.tables[position]
        return table
