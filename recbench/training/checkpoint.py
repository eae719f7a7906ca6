"""A model's state on disk: safetensors, never pickle."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from recbench.errors import RecbenchError


def save_checkpoint(model: nn.Module, path: Path) -> None:
    """Write the model's state dict to `path`, whole or not at all."""
    state = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(state, partial)
        partial.replace(path)
    except Exception as error:
        partial.unlink(missing_ok=True)
        raise RecbenchError(f"cannot write the checkpoint {path}: {error}") from error


def load_checkpoint(model: nn.Module, path: Path) -> None:
    """Set the model's state to the one saved at `path`."""
    with torch.no_grad():
        model.load_state_dict(load_file(path))
