"""Mini-batch aware L2, DIN's penalty for embeddings of ids that are mostly rare.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from recbench.batch import Features
from recbench.layers.embedding import FieldEmbeddings


def mini_batch_aware_l2(weight: Tensor, ids: Tensor, counts: Tensor) -> Tensor:
    """Return sum_j (alpha_j / n_j) ||w_j||^2, where alpha_j is 1 if a batch contains id j.

    Equations 5 and 6. Rows of absent ids get no gradient.

    Args:
        weight: Embeddings, [V, D].
        ids: The ids of a batch, in any shape, repeats and padding allowed.
        counts: Number of occurrences n_j of each id in all training examples, [V].

    Returns:
        A scalar.
    """
    present = torch.zeros_like(counts, dtype=weight.dtype).index_fill_(0, ids.flatten(), 1)
    # Not as a product of vectors, which autocast would take in low precision.
    return (present / counts.clamp(min=1) * weight.square().sum(1)).sum()


class MiniBatchAwareL2(nn.Module):
    """The penalty over all trained tables of a `FieldEmbeddings`, history ids included.

    Counts are a fact of the training data, not of the model: they are not part of its state.
    """

    def __init__(self, embeddings: FieldEmbeddings) -> None:
        """Prepare counts of zero for each field of `embeddings`."""
        super().__init__()
        self.fields = embeddings.trained
        for i, field in enumerate(self.fields):
            counts = torch.zeros(field.size, dtype=torch.int64)
            self.register_buffer(f"counts_{i}", counts, persistent=False)

    @torch.no_grad()
    def count(self, examples: Iterable[Features]) -> None:
        """Set the counts to the occurrences of each id in `examples`."""
        for i, _ in enumerate(self.fields):
            self.get_buffer(f"counts_{i}").zero_()
        for features in examples:
            for i, field in enumerate(self.fields):
                counts = self.get_buffer(f"counts_{i}")
                found = torch.bincount(_ids(features, field.name), minlength=field.size)
                counts += found.to(counts.device)

    def forward(self, embeddings: FieldEmbeddings, features: Features) -> Tensor:
        """Return the penalty of a batch, a scalar."""
        penalties = [
            mini_batch_aware_l2(
                embeddings.table(field), _ids(features, field.name), self.get_buffer(f"counts_{i}")
            )
            for i, field in enumerate(self.fields)
        ]
        return torch.stack(penalties).sum()


def _ids(features: Features, name: str) -> Tensor:
    ids = features.fields[name]
    if name in features.history.fields:
        return torch.cat([ids, features.history.fields[name]])
    return ids
