"""A click model whose target item is given by an ID vector from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from recbench import CTRModel, Features, Field, Schema
from recbench.config import build
from recbench.errors import UsageError
from recbench.layers import FieldEmbeddings
from recbench.plugins import find, load_model
from recbench.task import CTR

Place = tuple[FieldEmbeddings, Field]
"""A table: whose it is, and of which field."""


class Backbone(nn.Module):
    """Any click model with `FieldEmbeddings`, whose target's ID vector can be replaced.

    If several of its `FieldEmbeddings` have a table of items, an ID vector is that of each of them,
    one after the other. Events of the history keep the vectors that the model itself has of them.

    Attributes:
        model: The click model.
        item: The field of item ids.
        width: Width of an ID vector, D.
        content_width: Width of `content`, C; 0 if an item has nothing but its id.
        user_width: Width of `users`, U; 0 if the model embeds no user field.
    """

    def __init__(self, schema: Schema, name: str, config: Mapping[str, Any]) -> None:
        """Build the model and find its tables.

        Args:
            schema: The dataset's fields.
            name: The model plugin.
            config: What of its configuration differs from the defaults.

        Raises:
            UsageError: If it is no click model, is trained in a way of its own or has no table of
                items, or the label is a number.
        """
        super().__init__()
        if not schema.of("label")[0].size:
            raise UsageError(
                f"the backbone {name} predicts clicks, and the label here is a number; "
                "choose a protocol with a binary label, such as --protocol phases"
            )
        kind = load_model(find("model", name))
        if kind.task.name != CTR.name:
            raise UsageError(f"backbone {name} is a model for {kind.task.name}; it must be for ctr")
        self.item = schema.of("item")[0]
        self.model: CTRModel = kind(schema, build(kind.Config, config, name))  # type: ignore[assignment]
        self._embeddings = {
            path: module
            for path, module in self.model.named_modules()
            if isinstance(module, FieldEmbeddings)
        }
        self._tables = {
            f"{path}.tables.{module.trained.index(self.item)}": module.dim
            for path, module in self._embeddings.items()
            if self.item in module.trained
        }
        if not self._tables:
            raise UsageError(
                f"backbone {name} has no table of the field '{self.item.name}' in a "
                "recbench.layers.FieldEmbeddings, so there is no ID vector to replace"
            )
        if kind.fit is not CTRModel.fit:
            raise UsageError(
                f"backbone {name} has a way of its own to be trained, its `fit`, which is not "
                "called here; choose another one"
            )
        self.width = sum(self._tables.values())
        fields = [field for field in schema.of("item") if field != self.item]
        self._content = self._places(fields)
        self._users = self._places(schema.of("user"))
        self.content_width, self.user_width = map(self._width, (self._content, self._users))

    def forward(self, features: Features, ids: Tensor) -> Tensor:
        """Return click logits, [B], with `ids` [B, D] as the targets' ID vectors."""
        own = dict(self.model.named_parameters())
        parts = torch.split(ids, [*self._tables.values()], 1)
        tables = {
            name: torch.cat([own[name], part])
            for name, part in zip(self._tables, parts, strict=True)
        }
        # Each example gets an item of its own, behind the last row of the tables.
        rows = torch.arange(len(features), device=ids.device) + self.item.size
        targets = replace(features, fields={**features.fields, self.item.name: rows})
        logits: Tensor = functional_call(self.model, tables, (targets,))
        return logits

    def table(self) -> Tensor:
        """Return the ID vectors of all items, [size, D]."""
        own = dict(self.model.named_parameters())
        return torch.cat([own[name] for name in self._tables], 1)

    def content(self, features: Features) -> Tensor:
        """Return the vectors of the target's fields other than its id, [B, C]."""
        return self._vectors(features, self._content)

    def users(self, features: Features) -> Tensor:
        """Return the vectors of the user fields, [B, U]."""
        return self._vectors(features, self._users)

    def _places(self, fields: Sequence[Field]) -> list[Place]:
        modules = self._embeddings.values()
        return [(module, field) for module in modules for field in fields if field in module.fields]

    def _width(self, places: list[Place]) -> int:
        return sum(module.dim for module, _ in places)

    def _vectors(self, features: Features, places: list[Place]) -> Tensor:
        vectors = [
            module.vectors(field, features.fields[field.name])[0] for module, field in places
        ]
        return torch.cat(vectors, 1)
