"""What all multi-task models read: the row's categories, embedded, beside its numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbench import Features, Schema
from recbench.layers import FieldEmbeddings


class Inputs(nn.Module):
    """Categories as vectors and numbers as they are, side by side.

    Attributes:
        width: Width of the input, C * D + N for C categories and N numbers.
    """

    def __init__(self, schema: Schema, embedding_dim: int) -> None:
        """Build the tables of the categories, D = `embedding_dim` wide."""
        super().__init__()
        self.embeddings = FieldEmbeddings(schema, embedding_dim)
        self.width = len(self.embeddings.fields) * embedding_dim + len(schema.numbers)

    def forward(self, features: Features) -> Tensor:
        """Return the input, [B, width]."""
        if not self.embeddings.fields:
            return features.numbers
        vectors: Tensor = self.embeddings(features)
        return torch.cat([vectors.flatten(1), features.numbers], 1)
