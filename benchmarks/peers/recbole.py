"""RecBole's models, for `benchmarks.peers`.

They ask a dataset for a handful of facts, which `FakeDataset` knows, and a configuration for values
by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.model.layers import SequenceAttLayer
from recbole.model.sequential_recommender.dien import DIEN
from recbole.model.sequential_recommender.din import DIN
from recbole.model.sequential_recommender.stamp import STAMP
from recbole.utils import FeatureType
from torch import Tensor, nn

from benchmarks.peers.batch import Batch, category
from benchmarks.peers.case import ATTENTION, CATEGORIES, ITEMS, MLP, USERS, Case
from benchmarks.peers.driver import Contender, serve


def _config(case: Case) -> dict[str, Any]:
    return {
        "USER_ID_FIELD": "user",
        "ITEM_ID_FIELD": "item",
        "LABEL_FIELD": "label",
        "LIST_SUFFIX": "_list",
        "ITEM_LIST_LENGTH_FIELD": "length",
        "NEG_PREFIX": "neg_",
        "MAX_ITEM_LIST_LENGTH": case.steps,
        "numerical_features": [],
        "device": torch.device("cpu"),
        "embedding_size": case.embedding,
        "mlp_hidden_size": list(MLP),
        "pooling_mode": "mean",
        "dropout_prob": 0,
        "gru_type": "AUGRU",
        "alpha": 0,
        "loss_type": "CE",
    }


class FakeDataset:
    """What the models ask of a dataset."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Give users an id, and items an id and a category."""
        self.config = config
        self._sizes = {"user": USERS, "item": ITEMS, "category": CATEGORIES}
        self.field2type = dict.fromkeys(self._sizes, FeatureType.TOKEN)

    def num(self, field: str) -> int:
        """Return the number of ids of a field."""
        return self._sizes[field]

    def get_user_feature(self) -> Interaction:
        """Return the fields of each user."""
        return Interaction({"user": torch.arange(USERS)})

    def get_item_feature(self) -> Interaction:
        """Return the fields of each item."""
        items = torch.arange(ITEMS)
        return Interaction({"item": items, "category": category(items)})


def din(case: Case) -> Contender:
    model = _build(DIN, case)
    model.attention = SequenceAttLayer(
        torch.arange(case.steps)[None],
        [4 * 2 * case.embedding, *ATTENTION],
        activation="Sigmoid",
        softmax_stag=False,
        return_seq_weight=False,
    )
    return Contender(model, _row, model.calculate_loss, model.predict)


def dien(case: Case) -> Contender:
    model = _build(DIEN, case)
    model.interset_extractor.auxiliary_loss = lambda states, *_: states.new_zeros(())
    return Contender(model, _row, model.calculate_loss, model.predict)


def stamp(case: Case) -> Contender:
    model = _build(STAMP, case)
    return Contender(model, _row, model.calculate_loss, model.full_sort_predict)


def _build(kind: Callable[..., nn.Module], case: Case) -> nn.Module:
    config = _config(case)
    return kind(config, FakeDataset(config))


def _row(batch: Batch) -> dict[str, Tensor]:
    return {
        "user": batch.user,
        "item": batch.item,
        "item_list": batch.history,
        "neg_item_list": batch.negatives,
        "length": torch.full_like(batch.user, batch.history.shape[1]),
        "label": batch.labels[:, 0],
    }


MODELS = {"din": din, "dien": dien, "stamp": stamp}

if __name__ == "__main__":
    serve("recbole", MODELS)
