"""Tensors and notes on disk: safetensors, never pickle; whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from recbench.errors import RecbenchError, UnwritableError

DIGEST = "recbench.digest"
"""The note that holds the digest of all tensors and other notes."""


def save_checkpoint(model: nn.Module, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write the model's state dict to `path`, whole or not at all.

    Args:
        model: The model.
        path: The file.
        notes: What to write beside the state, by name.

    Raises:
        UnwritableError: If the file cannot be written; an earlier one stays.
    """
    write_tensors(model.state_dict(), path, notes or {})


def load_checkpoint(model: nn.Module, path: Path) -> None:
    """Set the model's state to the one saved at `path`.

    Raises:
        RecbenchError: If the file cannot be read or is damaged.
        RuntimeError: If it is of another model.
    """
    model.load_state_dict(read_tensors(path)[0])


def checkpoint_notes(path: Path) -> dict[str, str]:
    """Return what was written to `path` beside the state; the state is not looked at.

    Raises:
        RecbenchError: If the file cannot be read or is no checkpoint.
    """
    try:
        with safe_open(str(path), "pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise RecbenchError(f"cannot read the checkpoint {path}: {error}") from error


def write_tensors(tensors: Mapping[str, Tensor], path: Path, notes: Mapping[str, str]) -> None:
    """Write tensors and notes to `path`, whole or not at all.

    Raises:
        UnwritableError: If the file cannot be written; an earlier one stays.
    """
    partial = path.with_suffix(".partial")
    stored = _apart(tensors)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(stored, partial, {**notes, DIGEST: tensors_digest(stored, notes)})
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except Exception as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise UnwritableError(
            f"cannot write the checkpoint {path}: {error}; free some space or choose another "
            "results folder"
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and notes that `write_tensors` wrote to `path`.

    The tensors are mapped from the file: copy what is to be kept.

    Raises:
        RecbenchError: If the file cannot be read or is not as it was written.
    """
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            notes = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise RecbenchError(f"cannot read the checkpoint {path}: {error}") from error
    if notes.pop(DIGEST, "") != tensors_digest(tensors, notes):
        raise RecbenchError(f"the checkpoint {path} is damaged: it is not as it was written")
    return tensors, notes


def tensors_digest(tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> str:
    """Return the SHA-256 of tensors, their names, types and shapes, and of notes."""
    found = hashlib.sha256(json.dumps(sorted(notes.items())).encode())
    for name, value in sorted(tensors.items()):
        found.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        plain = value.detach().cpu().contiguous()
        found.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors in the host's memory of which no two share any, as tied ones do."""
    apart, taken = {}, set()
    for name, value in tensors.items():
        plain = value.detach().cpu().contiguous()
        place = plain.untyped_storage().data_ptr()
        apart[name] = plain.clone() if place in taken else plain
        taken.add(place)
    return apart
