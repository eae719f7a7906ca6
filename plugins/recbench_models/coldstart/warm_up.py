"""Warming up: ID vectors of new items learnt from few examples, all else kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recbench import Batch, Features
from recbench_models.coldstart.backbone import Backbone

ADAM = (0.9, 0.999, 1e-8)
"""Decay of both moments, and epsilon."""


@dataclass(frozen=True)
class ItemVectors:
    """A vector for each of some items.

    Attributes:
        items: Their ids, ascending, [N].
        vectors: Their vectors, [N, D].
    """

    items: Tensor
    vectors: Tensor

    def lookup(self, item: Tensor, otherwise: Tensor) -> Tensor:
        """Return the vectors of items [B], and rows of `otherwise` [B, D] for those without."""
        if not len(self.items):
            return otherwise
        place = torch.searchsorted(self.items, item).clamp(max=len(self.items) - 1)
        found = self.items[place] == item
        return self.vectors[place].where(found[:, None], otherwise)


def mean_by_item(item: Tensor, vectors: Tensor) -> ItemVectors:
    """Return for each item the mean of its rows, given items [B] and vectors [B, D]."""
    items, place, count = torch.unique(item, return_inverse=True, return_counts=True)
    total = vectors.new_zeros(len(items), vectors.shape[1]).index_add(0, place, vectors)
    return ItemVectors(items, total / count[:, None])


def errors_by_item(logits: Tensor, labels: Tensor, place: Tensor, items: int) -> Tensor:
    """Return the mean binary cross-entropy of each item's rows, [items], 0 for one without.

    Args:
        logits: [B].
        labels: [B].
        place: Which item each row is of, [B].
        items: How many there are.
    """
    error = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    total = error.new_zeros(items).index_add(0, place, error)
    return total / torch.bincount(place, minlength=items).clamp(min=1)


@dataclass(frozen=True)
class WarmUp:
    """How ID vectors are warmed up.

    Attributes:
        rows: Examples of an item in a step, K.
        rate: Learning rate.
        passes: Steps over each K examples.
        adam: Whether steps are Adam's; plain gradient steps otherwise.
    """

    rows: int
    rate: float
    passes: int
    adam: bool

    def __call__(self, backbone: Backbone, support: Batch, start: ItemVectors) -> ItemVectors:
        """Return the vectors of the support's items after steps on K examples of each at a time.

        Every item has its own loss, the mean over its K examples, and its own steps, so that no
        item's vector depends on which others there are. They are differentiable in where they
        start, as if the steps did not depend on it.

        Args:
            backbone: What predicts; it is kept.
            support: Examples of those items, earlier ones first.
            start: The vectors that they start from, of exactly the support's items.
        """
        if not len(support):
            return start
        features, vectors = support.features, start.vectors.detach()
        place = torch.searchsorted(start.items, features.fields[backbone.item.name])
        phase = _rank(place) // self.rows
        first, second = torch.zeros_like(vectors), torch.zeros_like(vectors)
        steps = vectors.new_zeros(len(vectors), 1)
        for number in range(int(phase.max()) + 1):
            chosen = phase == number
            has = torch.bincount(place[chosen], minlength=len(vectors))[:, None] > 0
            for _ in range(self.passes):
                gradient = _gradient(backbone, features, support.labels, vectors, place, chosen)
                if not self.adam:
                    vectors = vectors - self.rate * gradient
                    continue
                steps = steps + has
                decay, decay_square, epsilon = ADAM
                first = torch.lerp(first, gradient, 1 - decay).where(has, first)
                second = torch.lerp(second, gradient.square(), 1 - decay_square).where(has, second)
                count = steps.clamp(min=1)
                size = (second / (1 - decay_square**count)).sqrt() + epsilon
                step = first / (1 - decay**count) / size
                vectors = (vectors - self.rate * step).where(has, vectors)
        return ItemVectors(start.items, start.vectors + (vectors - start.vectors).detach())


def _gradient(
    backbone: Backbone,
    features: Features,
    labels: Tensor,
    vectors: Tensor,
    place: Tensor,
    chosen: Tensor,
) -> Tensor:
    """Return the gradient of each item's mean error over the chosen rows, [N, D]."""
    with torch.enable_grad():
        leaf = vectors.detach().requires_grad_()
        logits = backbone(features, leaf[place])[chosen]
        error = errors_by_item(logits, labels[chosen], place[chosen], len(vectors)).sum()
        (gradient,) = torch.autograd.grad(error, leaf)
    return gradient


def _rank(place: Tensor) -> Tensor:
    """Return how many earlier rows have the same item, [B]."""
    order = place.argsort(stable=True)
    sizes = torch.bincount(place)
    starts = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    rank = torch.empty_like(place)
    rank[order] = torch.arange(len(place), device=place.device) - starts
    return rank
