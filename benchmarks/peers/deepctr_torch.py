"""DeepCTR-Torch's models, for `benchmarks.peers`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from deepctr_torch.inputs import SparseFeat, VarLenSparseFeat
from deepctr_torch.models import DIEN, DIN, MMOE
from torch import Tensor, nn

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
EVENT = ["item", "category"]


def din(case: Case) -> Contender:
    model = DIN(
        _columns(case),
        EVENT,
        dnn_hidden_units=MLP,
        dnn_activation="prelu",
        att_hidden_size=ATTENTION,
        att_activation="prelu",
        l2_reg_embedding=0,
    )
    return _contender(model, 1)


def dien(case: Case) -> Contender:
    model = DIEN(
        _columns(case),
        EVENT,
        gru_type="AUGRU",
        dnn_hidden_units=MLP,
        dnn_activation="prelu",
        att_hidden_units=ATTENTION,
        att_activation="prelu",
        l2_reg_embedding=0,
    )
    return _contender(model, 1)


def mmoe(case: Case) -> Contender:
    model = MMOE(
        _columns(case),
        num_experts=EXPERTS,
        expert_dnn_hidden_units=MLP,
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=TOWER,
        l2_reg_linear=0,
        l2_reg_embedding=0,
    )
    return _contender(model, TASKS)


def _contender(model: nn.Module, tasks: int) -> Contender:
    def inputs(batch: Batch) -> tuple[Tensor, Tensor]:
        return _matrix(model, batch), batch.labels[:, :tasks]

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        matrix, labels = batch
        # As in its `fit`: a sum over the batch, and penalties, which are zero here.
        total = F.binary_cross_entropy(model(matrix), labels, reduction="sum")
        return (total + model.get_regularization_loss() + model.aux_loss).sum()

    return Contender(model, inputs, loss, lambda batch: model(batch[0]))


def _columns(case: Case) -> list[SparseFeat | VarLenSparseFeat]:
    columns = [SparseFeat(name, size, case.embedding) for name, size in SIZES.items()]
    if case.steps:
        for name in EVENT:
            of_event = SparseFeat(f"hist_{name}", SIZES[name], case.embedding, embedding_name=name)
            columns.append(VarLenSparseFeat(of_event, case.steps, length_name="length"))
    return columns


def _matrix(model: nn.Module, batch: Batch) -> Tensor:
    """Return all ids as the library takes them, one matrix of float32."""
    columns = {
        "user": batch.user[:, None],
        "item": batch.item[:, None],
        "category": category(batch.item)[:, None],
        "hist_item": batch.history,
        "hist_category": category(batch.history),
        "length": torch.full((len(batch.user), 1), batch.history.shape[1]),
    }
    return torch.cat([columns[name] for name in model.feature_index], 1).float()


MODELS = {"din": din, "dien": dien, "mmoe": mmoe}

if __name__ == "__main__":
    serve("deepctr-torch", MODELS)
