"""In which precision a training computes: autocast, and the scale of the loss that it may need."""

from __future__ import annotations

import torch
from torch.amp import GradScaler

from recbench.training.config import TrainingConfig

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast(device: torch.device, config: TrainingConfig) -> torch.autocast:
    """Return the context in which the layers of a model compute in `config.precision`."""
    dtype = DTYPES[config.precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def make_scaler(device: torch.device, config: TrainingConfig) -> GradScaler:
    """Return what keeps gradients in the narrow range of float16; elsewhere it does nothing."""
    return GradScaler(device.type, enabled=config.precision == "float16")
