"""A model's state on disk: safetensors, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model
from torch import nn

from recbench.errors import RecbenchError


def save_checkpoint(model: nn.Module, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write the model's state dict to `path`, whole or not at all; tied weights are kept once.

    Args:
        model: The model.
        path: The file.
        notes: What to write beside the state, by name.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(model, str(partial), dict(notes or {}))
        partial.replace(path)
    except Exception as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RecbenchError(f"cannot write the checkpoint {path}: {error}") from error


def load_checkpoint(model: nn.Module, path: Path) -> None:
    """Set the model's state to the one saved at `path`."""
    load_model(model, path)


def checkpoint_notes(path: Path) -> dict[str, str]:
    """Return what was written to `path` beside the state.

    Raises:
        RecbenchError: If the file cannot be read or is no checkpoint.
    """
    try:
        with safe_open(str(path), "pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise RecbenchError(f"cannot read the checkpoint {path}: {error}") from error
