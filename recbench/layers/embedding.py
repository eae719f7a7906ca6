"""Embeddings of a schema's fields, shared between the target item and the history's events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from recbench.batch import Features, History, PaddedHistory
from recbench.layers.frozen import FrozenVectors
from recbench.layers.lookup import lookup
from recbench.schema import PADDING, UNSEEN, Field, Schema


class FieldEmbeddings(nn.Module):
    """One table for each user, item and context field that is no number.

    The vector of `PADDING` is zero and stays zero. The vector of `UNSEEN` begins at zero and, where
    training meets no unseen value, ends there too: unseen values are neutral, not random. Missing
    values of a field count as unseen; where training has some, they are what it is trained for.

    Where the data bring a field's vectors along they are its table, frozen, and only a matrix is
    learnt that makes them D wide.

    Attributes:
        fields: The embedded fields, in schema order.
        trained: Those with a table that is trained.
        dim: Width of each field's vectors, D.
        item_fields: Those of an item or event.
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
            std: Standard deviation of the normal distribution that vectors, and the matrices of
                frozen ones, are drawn from; 1 / sqrt(D) if None, which makes vectors about one
                long, and frozen ones about as long as they were: much smaller ones take epochs to
                tell apart.
        """
        super().__init__()
        std = dim**-0.5 if std is None else std
        known = (field for field in schema.of("user", "item", "context") if field.size)
        self.fields = tuple(field for field in known if field.name not in exclude)
        self.trained = tuple(field for field in self.fields if not field.width)
        self._given = tuple(field for field in self.fields if field.width)
        tables = [torch.empty(field.size, dim).normal_(std=std) for field in self.trained]
        for table in tables:
            table[[PADDING, UNSEEN]] = 0
        self.tables = nn.ParameterList(tables)
        self.frozen = nn.ModuleList(
            FrozenVectors(schema.vectors[field.name], dim, std) for field in self._given
        )
        self.dim = dim
        self.item_fields = self._of("item")
        self._profile = self._of("user", "context")
        self.item_width = len(self.item_fields) * dim
        self.profile_width = len(self._profile) * dim

    def forward(self, features: Features) -> Tensor:
        """Return the vectors of all fields, in schema order, [B, F, D]."""
        return torch.stack(self._lookup(features.fields, self.fields), 1)

    def items(self, fields: Mapping[str, Tensor]) -> Tensor:
        """Return items given by the ids of their fields, each [...], as vectors [..., K * D]."""
        return self.several(fields)[0]

    def several(self, *items: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what `items` returns for each of several, with one backward pass for all.

        That saves the other passes' gradients, each as large as the tables.
        """
        vectors = [
            self.vectors(field, *(fields[field.name] for fields in items))
            for field in self.item_fields
        ]
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
        return next(self.parameters()).new_empty(len(features), 0)

    def vectors(self, field: Field, *ids: Tensor) -> tuple[Tensor, ...]:
        """Return a field's vectors at each of `ids`, [..., D] for [...]."""
        if field.width:
            frozen = self._frozen(field)
            return tuple(frozen(each) for each in ids)
        return lookup(self.table(field), *ids)

    def table(self, field: Field) -> Tensor:
        """Return the weight of a field's table, [size, D], if it is trained."""
        table: Tensor = self.tables[self.trained.index(field)]
        return table

    def rows(self, query: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return how to multiply items with a query where their vectors lie, writing out none.

        Args:
            query: [B, K * D].

        Returns:
            A query, [B, W], and a table of each item field, [size, W_f], whose widths add up to W:
            the product of an item with the former query is that of its rows, side by side, with the
            latter.
        """
        queries, tables = [], []
        for field, part in zip(self.item_fields, torch.split(query, self.dim, 1), strict=True):
            frozen = self._frozen(field) if field.width else None
            queries.append(part if frozen is None else part @ frozen.weight)
            tables.append(self.table(field) if frozen is None else frozen.vectors)
        return torch.cat(queries, 1), tables

    def _of(self, *roles: str) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.role in roles)

    def _lookup(self, ids: Mapping[str, Tensor], fields: Sequence[Field]) -> list[Tensor]:
        return [self.vectors(field, ids[field.name])[0] for field in fields]

    def _frozen(self, field: Field) -> FrozenVectors:
        frozen: FrozenVectors = self.frozen[self._given.index(field)]  # type: ignore[assignment]
        return frozen
