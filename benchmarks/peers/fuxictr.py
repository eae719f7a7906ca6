"""FuxiCTR's models, for `benchmarks.peers`.

DIN, DIEN and SIM are those of its package's folder `model_zoo`. MMoE is in that folder in its
repository only: `model_zoo/multitask/MMoE/src/MMoE.py`.
"""

from __future__ import annotations

import importlib.util
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fuxictr.features import FeatureMap
from torch import Tensor, nn

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

LABELS = [f"label{task}" for task in range(TASKS)]
COMMON = {
    "optimizer": "adam",
    "loss": "binary_crossentropy",
    "metrics": ["AUC"],
    "model_root": "build/benchmarks/fuxictr",
    "verbose": 0,
}


def din(case: Case) -> Contender:
    from model_zoo.LongCTR.DIN import DIN

    model = DIN(
        _features(case, LABELS[:1]),
        embedding_dim=case.embedding,
        attention_hidden_units=list(ATTENTION),
        attention_hidden_activations="PReLU",
        dnn_hidden_units=list(MLP),
        dnn_activations="PReLU",
        **COMMON,
    )
    return _contender(model, _sequence)


def dien(case: Case) -> Contender:
    from model_zoo.LongCTR.DIEN import DIEN

    model = DIEN(
        _features(case, LABELS[:1]),
        embedding_dim=case.embedding,
        dnn_hidden_units=list(MLP),
        dnn_activations="PReLU",
        batch_norm=False,
        **COMMON,
    )
    return _contender(model, _sequence)


def sim(case: Case) -> Contender:
    from model_zoo.LongCTR.SIM import SIM

    model = SIM(
        _features(case, LABELS[:1]),
        embedding_dim=case.embedding,
        dnn_hidden_units=list(MLP),
        dnn_activations="PReLU",
        attention_dim=HEADS * HEAD_WIDTH,
        num_heads=HEADS,
        short_seq_len=RECENT,  # one less is read: it counts the target
        topk=FOUND,
        **COMMON,
    )
    return _contender(model, _sequence)


def mmoe(case: Case) -> Contender:
    # The package's own `multitask` cannot be imported: it lacks what it imports.
    zoo = Path(importlib.util.find_spec("model_zoo").submodule_search_locations[0])
    model = runpy.run_path(str(zoo / "multitask/MMoE/src/MMoE.py"))["MMoE"](
        _features(case, LABELS),
        task=["binary_classification"] * TASKS,
        num_tasks=TASKS,
        embedding_dim=case.embedding,
        num_experts=EXPERTS,
        expert_hidden_units=list(MLP),
        gate_hidden_units=[],
        tower_hidden_units=list(TOWER),
        **COMMON,
    )
    return _contender(model, _row, lambda output: torch.cat(list(output.values()), 1))


def _contender(
    model: nn.Module,
    inputs: Callable[[Batch], Any],
    predictions: Callable[[Any], Tensor] = lambda output: output["y_pred"],
) -> Contender:
    def loss(batch: Any) -> Tensor:
        return model.compute_loss(model(batch), model.get_labels(batch))

    return Contender(model, inputs, loss, lambda batch: predictions(model(batch)))


def _features(case: Case, labels: list[str]) -> FeatureMap:
    features = FeatureMap("random", COMMON["model_root"])
    sizes = {"user": USERS, "item": ITEMS, "category": CATEGORIES}
    for name, size in sizes.items():
        source = "user" if name == "user" else "item"
        features.features[name] = {"source": source, "type": "categorical", "vocab_size": size}
    features.labels = labels
    features.default_emb_dim = case.embedding
    features.num_fields = features.get_num_fields()
    return features


def _sequence(batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Return what its loader for long histories gives: the target is the last of its events."""
    items = torch.cat([batch.history, batch.item[:, None]], 1).flatten()
    row = {"user": batch.user, LABELS[0]: batch.labels[:, 0]}
    return row, {"item": items, "category": category(items)}, torch.ones_like(batch.history)


def _row(batch: Batch) -> dict[str, Tensor]:
    labels = dict(zip(LABELS, batch.labels.unbind(1), strict=True))
    fields = {"user": batch.user, "item": batch.item, "category": category(batch.item)}
    return fields | labels


MODELS = {"din": din, "dien": dien, "sim": sim, "mmoe": mmoe}

if __name__ == "__main__":
    serve("fuxictr", MODELS)
