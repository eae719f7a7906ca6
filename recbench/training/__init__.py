"""Training: the one loop, its settings, and what it leaves behind."""

from recbench.training.checkpoint import checkpoint_notes, load_checkpoint, save_checkpoint
from recbench.training.config import TrainingConfig
from recbench.training.loop import fit
from recbench.training.run import FitResult, TrainingRun, fit_result
from recbench.training.source import EpisodeSource, Source

__all__ = [
    "EpisodeSource",
    "FitResult",
    "Source",
    "TrainingConfig",
    "TrainingRun",
    "checkpoint_notes",
    "fit",
    "fit_result",
    "load_checkpoint",
    "save_checkpoint",
]
