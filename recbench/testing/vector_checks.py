"""A check of what a model does with vectors that the data bring along."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from recbench.batch import Batch, EpisodeBatch, Features
from recbench.schema import FIRST_ID, UNSEEN, Field, Schema
from recbench.testing.made_up import MadeUp
from recbench.testing.require import NotApplicable, require
from recbench.testing.subject import BRIEF, BRIEF_EXAMPLES, Subject, predict

NEW = 1
"""Items that training lacks, and that have a vector."""
WIDTH = 5
LENGTHS = (3, 0, 2, 5, 1, 4)
B = TypeVar("B", bound=Batch)


class PicturedSubject(Subject):
    """A model class on its made-up data, whose items have pictures."""

    @cached_property
    def data(self) -> MadeUp:
        """The made-up data of the model's task, and a vector for each item."""
        bare = super().data
        size = bare.schema["item"].size + NEW

        def random(*arguments: Any) -> Batch:
            return _pictured(bare.random(*arguments), size)

        def planted(*arguments: Any) -> Batch:
            return _pictured(bare.planted(*arguments), size)

        schema = _schema(bare.schema, size)
        return replace(bare, schema=schema, random=random, planted=planted)


def check_vectors(subject: Subject) -> None:
    """Items may have frozen vectors, also those new to training, and `fit` leaves them alone."""
    if "item" not in subject.data.schema:
        raise NotApplicable("its data have no items")
    pictured = PicturedSubject(subject.model, subject.config)
    vectors = pictured.data.schema.vectors["picture"]
    before = vectors.copy()
    model = pictured.fit(BRIEF, BRIEF_EXAMPLES)
    found = predict(model, pictured.data.random(LENGTHS).features)
    require(bool(found.isfinite().all()), "with vectors of items, outputs are not finite")
    require(
        np.array_equal(vectors, before),
        "training changes schema.vectors; they are the data's: keep them in a buffer that is not "
        "persistent, as recbench.layers.FieldEmbeddings does, or copy what is to be trained",
    )


def _schema(bare: Schema, size: int) -> Schema:
    vectors = np.random.default_rng(0).normal(size=(size, WIDTH)).astype(np.float32)
    vectors[:FIRST_ID] = 0
    fields = (*bare.fields, Field("picture", "item", size, WIDTH))
    return Schema(fields, bare.states, {"picture": vectors})


def _pictured(batch: B, size: int) -> B:
    """Return a batch that has the picture of each item, an unseen one's being the last."""
    if isinstance(batch, EpisodeBatch):
        batch = replace(batch, support=_pictured(batch.support, size))
    return replace(batch, features=_features(batch.features, size))


def _features(features: Features, size: int) -> Features:
    def picture(fields: Any) -> dict[str, Tensor]:
        if "item" not in fields:
            return {}
        return {"picture": fields["item"].masked_fill(fields["item"] == UNSEEN, size - 1)}

    past = features.history
    history = replace(past, fields={**past.fields, **picture(past.fields)})
    fields = {**features.fields, **picture(features.fields)}
    return replace(features, fields=fields, history=history)
