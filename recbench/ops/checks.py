"""Argument checks shared by the operators: each names the argument, what it expected, what it got.

They look at shapes, dtypes and devices only, never at values, so that no device has to be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor


def check_shape(name: str, tensor: Tensor, shape: tuple[int | str, ...]) -> None:
    """Raise ValueError unless `tensor` has `shape`, where a string names a free dimension."""
    fits = tensor.ndim == len(shape) and all(
        isinstance(want, str) or want == got for want, got in zip(shape, tensor.shape, strict=True)
    )
    if not fits:
        expected = ", ".join(map(str, shape))
        raise ValueError(f"{name}: expected shape [{expected}], got {list(tensor.shape)}")


def check_floating(tensors: Mapping[str, Tensor | None]) -> None:
    """Raise ValueError unless all tensors share the first one's floating dtype and device.

    Under autocast, which mixes dtypes on purpose, any floating dtype will do. None is passed over.
    """
    (first, model), *others = ((name, t) for name, t in tensors.items() if t is not None)
    if not model.is_floating_point():
        raise ValueError(f"{first}: expected a floating dtype, got {model.dtype}")
    mixed = torch.is_autocast_enabled(model.device.type)
    for name, tensor in others:
        if not (mixed and tensor.is_floating_point()) and tensor.dtype != model.dtype:
            raise ValueError(f"{name}: expected {model.dtype} as {first} has, got {tensor.dtype}")
        if tensor.device != model.device:
            raise ValueError(
                f"{name}: expected device {model.device} as {first} has, got {tensor.device}"
            )


def check_int64(name: str, tensor: Tensor, device: torch.device) -> None:
    """Raise ValueError unless `tensor` is of int64 and on `device`."""
    if tensor.dtype != torch.int64:
        raise ValueError(f"{name}: expected torch.int64, got {tensor.dtype}")
    if tensor.device != device:
        raise ValueError(f"{name}: expected device {device}, got {tensor.device}")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got '{value}'")
