"""A model's state on disk: safetensors, never pickle."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from safetensors.torch import load_model, save_model
from torch import nn

from recbench.errors import RecbenchError


def save_checkpoint(model: nn.Module, path: Path) -> None:
    """Write the model's state dict to `path`, whole or not at all; tied weights are kept once."""
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(model, str(partial))
        partial.replace(path)
    except Exception as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RecbenchError(f"cannot write the checkpoint {path}: {error}") from error


def load_checkpoint(model: nn.Module, path: Path) -> None:
    """Set the model's state to the one saved at `path`."""
    load_model(model, path)
