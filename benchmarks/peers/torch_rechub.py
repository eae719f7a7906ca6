"""torch-rechub's models, for `benchmarks.peers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.models.matching.stamp import STAMP
from torch_rechub.models.multi_task.mmoe import MMOE
from torch_rechub.models.ranking.dien import DIEN
from torch_rechub.models.ranking.din import DIN

from benchmarks.peers.batch import Batch, category
from benchmarks.peers.case import (
    ATTENTION,
    CATEGORIES,
    EXPERTS,
    ITEMS,
    MLP,
    TASKS,
    TOWER,
    USERS,
    Case,
)
from benchmarks.peers.driver import Contender, serve

SIZES = {"user": USERS, "item": ITEMS, "category": CATEGORIES}
EVENT = ("item", "category")


def din(case: Case) -> Contender:
    model = DIN(
        [_row_feature("user", case)],
        _sequences("history", case),
        [_row_feature(name, case) for name in EVENT],
        mlp_params={"dims": list(MLP)},
        attention_mlp_params={"dims": list(ATTENTION), "activation": "prelu"},
    )
    return _contender(model, _click, model, _cross_entropy)


def dien(case: Case) -> Contender:
    model = DIEN(
        [_row_feature("user", case)],
        _sequences("history", case),
        _sequences("negatives", case),
        [_row_feature(name, case) for name in EVENT],
        mlp_params={"dims": list(MLP)},
        alpha=0,
    )
    model.auxiliary = lambda outputs, *_: outputs.new_zeros(())
    return _contender(model, _click, lambda inputs: model(inputs)[0], _cross_entropy)


def stamp(case: Case) -> Contender:
    feature = SequenceFeature("history_item", ITEMS, case.embedding)
    model = STAMP(feature, weight_std=0.05, emb_std=0.002)
    return _contender(model, lambda batch: (_row(batch), batch.item), model, F.cross_entropy)


def mmoe(case: Case) -> Contender:
    model = MMOE(
        [_row_feature(name, case) for name in SIZES],
        ["classification"] * TASKS,
        EXPERTS,
        {"dims": list(MLP), "activation": "relu"},
        [{"dims": list(TOWER), "activation": "relu"}] * TASKS,
    )
    return _contender(model, lambda batch: (_row(batch), batch.labels), model, _each_label)


def _contender(
    model: nn.Module,
    inputs: Callable[[Batch], tuple[Any, Tensor]],
    predict: Callable[[Any], Tensor],
    loss: Callable[[Tensor, Tensor], Tensor],
) -> Contender:
    return Contender(
        model, inputs, lambda batch: loss(predict(batch[0]), batch[1]), lambda x: predict(x[0])
    )


def _cross_entropy(probability: Tensor, label: Tensor) -> Tensor:
    return F.binary_cross_entropy(probability, label)


def _each_label(probabilities: Tensor, labels: Tensor) -> Tensor:
    pairs = zip(probabilities.unbind(1), labels.unbind(1), strict=True)
    return torch.stack([F.binary_cross_entropy(*pair) for pair in pairs]).sum()


def _row_feature(name: str, case: Case) -> SparseFeature:
    return SparseFeature(name, SIZES[name], case.embedding, padding_idx=0)


def _sequences(of: str, case: Case) -> list[SequenceFeature]:
    return [
        SequenceFeature(
            f"{of}_{name}", SIZES[name], case.embedding, "concat", shared_with=name, padding_idx=0
        )
        for name in EVENT
    ]


def _click(batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
    return _row(batch), batch.labels[:, 0]


def _row(batch: Batch) -> dict[str, Tensor]:
    return {
        "user": batch.user,
        "item": batch.item,
        "category": category(batch.item),
        "history_item": batch.history,
        "history_category": category(batch.history),
        "negatives_item": batch.negatives,
        "negatives_category": category(batch.negatives),
    }


MODELS = {"din": din, "dien": dien, "stamp": stamp, "mmoe": mmoe}

if __name__ == "__main__":
    serve("torch-rechub", MODELS)
