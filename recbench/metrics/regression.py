"""Metrics of real-valued predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mse(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean squared error; nan if there are no rows.

    Args:
        labels: What came to pass, [N].
        predictions: What was expected, [N].

    Raises:
        ValueError: If the lengths differ or a value is nan.
    """
    error = _error(labels, predictions)
    return float(np.mean(error**2)) if len(error) else float("nan")


def mae(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean absolute error; nan if there are no rows.

    Args:
        labels: What came to pass, [N].
        predictions: What was expected, [N].

    Raises:
        ValueError: If the lengths differ or a value is nan.
    """
    error = _error(labels, predictions)
    return float(np.mean(np.abs(error))) if len(error) else float("nan")


def _error(labels: ArrayLike, predictions: ArrayLike) -> NDArray[np.float64]:
    found, expected = np.asarray(predictions, np.float64), np.asarray(labels, np.float64)
    if found.shape != expected.shape or found.ndim != 1:
        raise ValueError(f"predictions: expected shape {expected.shape}, got {found.shape}")
    if np.isnan(found).any() or np.isnan(expected).any():
        raise ValueError("labels and predictions: expected no nan")
    return found - expected
