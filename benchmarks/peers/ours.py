"""Our models, for `benchmarks.peers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from recbench_models.multitask.mmoe import MMoE, MMoEConfig
from recbench_models.sequence.dien import DIEN, DIENConfig
from recbench_models.sequence.din import DIN, DINConfig
from recbench_models.sequence.sim import SIM, SIMConfig
from recbench_models.session.stamp import STAMP, STAMPConfig
from torch import Tensor

from benchmarks.peers.batch import Batch, category
from benchmarks.peers.case import (
    ATTENTION,
    CATEGORIES,
    EXPERTS,
    FOUND,
    HEAD_WIDTH,
    HEADS,
    ITEMS,
    MLP,
    RECENT,
    TASKS,
    TOWER,
    USERS,
    Case,
)
from benchmarks.peers.driver import Contender, serve
from recbench import CTRBatch, Features, History, Model, MultiTaskBatch, NextItemBatch
from recbench.schema import FIRST_ID, Field, Schema

FIELDS = (
    Field("user", "user", USERS),
    Field("item", "item", ITEMS),
    Field("category", "item", CATEGORIES),
)
LABELS = tuple(Field(f"label{task}", "label", 2) for task in range(TASKS))


def din(case: Case) -> Contender:
    config = DINConfig(
        embedding_dim=case.embedding,
        use_user_id=True,
        history_length=case.steps,
        attention_mlp=ATTENTION,
        mlp=MLP,
    )
    return _contender(DIN(Schema((*FIELDS, LABELS[0])), config), _click)


def dien(case: Case) -> Contender:
    config = DIENConfig(
        embedding_dim=case.embedding,
        use_user_id=True,
        history_length=case.steps,
        aux_weight=0,
        mlp=MLP,
    )
    return _contender(DIEN(Schema((*FIELDS, LABELS[0])), config), _click)


def sim(case: Case) -> Contender:
    config = SIMConfig(
        embedding_dim=case.embedding,
        use_user_id=True,
        history_length=RECENT,
        top_k=FOUND,
        gsu_dim=HEADS * HEAD_WIDTH,
        heads=HEADS,
        head_dim=HEAD_WIDTH,
        mlp=MLP,
    )
    return _contender(SIM(Schema((*FIELDS, LABELS[0])), config), _click)


def stamp(case: Case) -> Contender:
    config = STAMPConfig(
        embedding_dim=case.embedding, history_length=case.steps, stamp_variant="reference"
    )
    return _contender(STAMP(Schema(FIELDS), config), _next_item)


def mmoe(case: Case) -> Contender:
    config = MMoEConfig(embedding_dim=case.embedding, experts=EXPERTS, expert=MLP, tower=TOWER)
    return _contender(MMoE(Schema(FIELDS + LABELS), config), _multi_task)


def _contender(model: Model, inputs: Callable[[Batch], Any]) -> Contender:
    return Contender(model, inputs, model.loss, lambda batch: model(batch.features))


def _click(batch: Batch) -> CTRBatch:
    return CTRBatch(_features(batch), batch.labels[:, 0])


def _next_item(batch: Batch) -> NextItemBatch:
    return NextItemBatch(Features({}, _history(batch)), batch.item - FIRST_ID)


def _multi_task(batch: Batch) -> MultiTaskBatch:
    return MultiTaskBatch(_features(batch), batch.labels)


def _features(batch: Batch) -> Features:
    fields = {"user": batch.user, **_item(batch.item)}
    return Features(fields, _history(batch))


def _history(batch: Batch) -> History:
    rows, steps = batch.history.shape
    offsets = steps * torch.arange(rows + 1)
    return History(_item(batch.history.flatten()), batch.age.flatten(), offsets, steps)


def _item(item: Tensor) -> dict[str, Tensor]:
    return {"item": item, "category": category(item)}


MODELS = {"din": din, "dien": dien, "sim": sim, "stamp": stamp, "mmoe": mmoe}

if __name__ == "__main__":
    serve("recbench", MODELS)
