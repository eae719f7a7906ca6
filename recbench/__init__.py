"""recbench: train and score recommender models on standardised data and splits.

The names a plugin needs are importable from here; they load on first use, so that the command line
answers without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recbench.api import API_VERSION
    from recbench.batch import (
        Batch,
        CTRBatch,
        EpisodeBatch,
        Episodes,
        Features,
        History,
        MultiTaskBatch,
        NextItemBatch,
        PaddedHistory,
        Reads,
    )
    from recbench.data import Card, Dataset
    from recbench.errors import RecbenchError
    from recbench.model import (
        CTRModel,
        MetaModel,
        Model,
        MultiTaskModel,
        NextItemModel,
    )
    from recbench.schema import Field, Schema
    from recbench.search import COMMON_SPACE, Choice, LogRange, Range, SearchSpace
    from recbench.task import Task
    from recbench.training import EpisodeSource, FitResult, Source, TrainingConfig, TrainingRun

_HOMES = {
    "recbench.api": ("API_VERSION",),
    "recbench.batch": (
        "Batch",
        "CTRBatch",
        "EpisodeBatch",
        "Episodes",
        "Features",
        "History",
        "MultiTaskBatch",
        "NextItemBatch",
        "PaddedHistory",
        "Reads",
    ),
    "recbench.data": ("Card", "Dataset"),
    "recbench.errors": ("RecbenchError",),
    "recbench.model": (
        "CTRModel",
        "MetaModel",
        "Model",
        "MultiTaskModel",
        "NextItemModel",
    ),
    "recbench.schema": ("Field", "Schema"),
    "recbench.search": ("COMMON_SPACE", "Choice", "LogRange", "Range", "SearchSpace"),
    "recbench.task": ("Task",),
    "recbench.training": ("EpisodeSource", "FitResult", "Source", "TrainingConfig", "TrainingRun"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "API_VERSION",
    "COMMON_SPACE",
    "Batch",
    "CTRBatch",
    "CTRModel",
    "Card",
    "Choice",
    "Dataset",
    "EpisodeBatch",
    "EpisodeSource",
    "Episodes",
    "Features",
    "Field",
    "FitResult",
    "History",
    "LogRange",
    "MetaModel",
    "Model",
    "MultiTaskBatch",
    "MultiTaskModel",
    "NextItemBatch",
    "NextItemModel",
    "PaddedHistory",
    "Range",
    "Reads",
    "RecbenchError",
    "Schema",
    "SearchSpace",
    "Source",
    "Task",
    "TrainingConfig",
    "TrainingRun",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'recbench' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
