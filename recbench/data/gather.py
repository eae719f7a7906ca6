"""Reads events out of memory-mapped columns: which ones a history takes, and their values.

Every function exists twice, in C++ (`recbench._native`) and in NumPy, with identical results. The
native one is taken where it was built, unless the environment variable `RECBENCH_NATIVE` is `0`.

A *position* is a row of the log of events; a *slice* `[start, stop)` of it is one history.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Positions = NDArray[np.int64]
Column = NDArray[Any]
Bound = Positions | int

_COLUMN_TYPES = tuple(map(np.dtype, ("int8", "int16", "int32", "int64", "float32", "float64")))


def gather(column: Column, positions: Positions) -> Column:
    """Return `column[positions]`, integers widened to int64 as embeddings want them.

    Args:
        column: Values of all events, [rows]; int8 to int64, float32 or float64. It may be a
            read-only memory map, of which only the rows asked for are read.
        positions: Rows to read, [N] of int64, in any order.

    Returns:
        The values, [N]; int64, or the column's own type for floats.

    Raises:
        IndexError: A position is negative or not below the number of rows.
        ValueError: An argument has the wrong type, shape or memory layout.
    """
    column = np.asarray(column)
    if column.dtype not in _COLUMN_TYPES:
        raise ValueError(
            f"column: expected one of {', '.join(map(str, _COLUMN_TYPES))}, got {column.dtype}"
        )
    _check("column", column, column.dtype)
    _check("positions", positions, np.int64)
    return _kernels.gather(column, positions)


def window(starts: Positions, stops: Positions, recent: int) -> tuple[Positions, Positions]:
    """Return the last `recent` positions of each slice, in order.

    Args:
        starts: Where each slice starts, [B] of int64.
        stops: Where each slice stops, [B] of int64.
        recent: How many positions of a slice to take at most; -1 for all.

    Returns:
        Offsets [B + 1] and positions [N], both int64; row `b` is
        `positions[offsets[b]:offsets[b + 1]]`.

    Raises:
        ValueError: An argument has the wrong type, shape or value.
    """
    _check_slices(starts, stops, recent)
    return _kernels.window(starts, stops, recent)


def window_with_category(
    starts: Positions,
    stops: Positions,
    recent: int,
    same_category: int,
    user_starts: Positions,
    user_stops: Positions,
    index: Positions,
    category: NDArray[np.int32],
    wanted: Positions,
) -> tuple[Positions, Positions]:
    """Return the latest positions of each slice together with the latest of one category.

    A row is the union, in order and without duplicates, of the last `recent` positions of the
    slice and the last `same_category` positions in it whose category is the wanted one. The latter
    is the hard search of SIM (Pi et al., CIKM 2020, section 3.2); by binary search in `index` it
    takes O(log n + k) a row, however long the history is.

    Args:
        starts: Where each slice starts, [B] of int64.
        stops: Where each slice stops, [B] of int64.
        recent: How many of the latest positions to take at most; -1 for all.
        same_category: How many of the latest positions of the wanted category to take at most.
        user_starts: Where the log of each row's user starts, [B] of int64.
        user_stops: Where the log of each row's user stops, [B] of int64.
        index: What `category_index` made of the log, [rows] of int64.
        category: Category of every event of the log, [rows] of int32.
        wanted: The category to search for, [B] of int64.

    Returns:
        Offsets [B + 1] and positions [N], both int64, as `window` returns them.

    Raises:
        IndexError: `index` is damaged and names a position outside the log.
        ValueError: An argument has the wrong type, shape or value.
    """
    _check_slices(starts, stops, recent)
    if same_category < 0:
        raise ValueError(f"same_category: expected 0 or more, got {same_category}")
    _check("category", category, np.int32)
    _check("index", index, np.int64, len(category))
    for name, rows in (("user_starts", user_starts), ("user_stops", user_stops)):
        _check(name, rows, np.int64, len(starts))
    _check("wanted", wanted, np.int64, len(starts))
    _check_order("0", 0, "user_starts", user_starts)
    _check_order("user_starts", user_starts, "starts", starts)
    _check_order("stops", stops, "user_stops", user_stops)
    _check_order("user_stops", user_stops, "the log's length", len(category))
    return _kernels.window_with_category(
        starts, stops, recent, same_category, user_starts, user_stops, index, category, wanted
    )


def category_index(user_offsets: Positions, category: NDArray[np.int32]) -> Positions:
    """Return each user's positions ordered by (category, position).

    Args:
        user_offsets: Where each user's log starts, and where the last one stops, [U + 1] of int64.
        category: Category of every event, [rows] of int32.

    Returns:
        A permutation of all positions, [rows] of int64, in which a user's events stay together.

    Raises:
        ValueError: An argument has the wrong type or shape, or the offsets do not ascend from 0 to
            the number of rows.
    """
    _check("category", category, np.int32)
    _check("user_offsets", user_offsets, np.int64)
    ends = (0, len(category))
    if not len(user_offsets) or (user_offsets[0], user_offsets[-1]) != ends:
        raise ValueError(f"user_offsets: expected to run from 0 to {len(category)}, got others")
    _check_order("user_offsets", user_offsets[:-1], "their successors", user_offsets[1:])
    return _kernels.category_index(user_offsets, category)


def implementation() -> str:
    """Return `native`, or `numpy` and, in brackets, why."""
    return _implementation


class _NumPy:
    """The definition of every function, which the native module is tested against."""

    @staticmethod
    def gather(column: Column, positions: Positions) -> Column:
        rows = len(column)
        if len(positions) and (positions.min() < 0 or positions.max() >= rows):
            first = positions[(positions < 0) | (positions >= rows)][0]
            raise IndexError(f"position {first} is outside the column, which has {rows} rows")
        values = column[positions]
        return values.astype(np.int64, copy=False) if values.dtype.kind == "i" else values

    @staticmethod
    def window(starts: Positions, stops: Positions, recent: int) -> tuple[Positions, Positions]:
        lengths = stops - starts if recent < 0 else np.minimum(stops - starts, recent)
        offsets = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
        shift = stops - lengths - offsets[:-1]
        return offsets, np.arange(offsets[-1]) + shift.repeat(lengths)

    @staticmethod
    def window_with_category(
        starts: Positions,
        stops: Positions,
        recent: int,
        same_category: int,
        user_starts: Positions,
        user_stops: Positions,
        index: Positions,
        category: NDArray[np.int32],
        wanted: Positions,
    ) -> tuple[Positions, Positions]:
        rows = []
        for start, stop, target in zip(starts, stops, wanted, strict=True):
            begin = start if recent < 0 else max(start, stop - recent)
            matches = start + np.flatnonzero(category[start:stop] == target)
            latest = matches[max(len(matches) - same_category, 0) :]
            rows.append(np.concatenate([latest[latest < begin], np.arange(begin, stop)]))
        lengths = [len(row) for row in rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        return offsets, np.concatenate([np.empty(0, np.int64), *rows])

    @staticmethod
    def category_index(user_offsets: Positions, category: NDArray[np.int32]) -> Positions:
        user = np.arange(len(user_offsets) - 1).repeat(np.diff(user_offsets))
        return np.lexsort((category, user))


def _choose() -> tuple[ModuleType | type[_NumPy], str]:
    """Return the functions to use and their name."""
    if os.environ.get("RECBENCH_NATIVE") == "0":
        return _NumPy, "numpy (RECBENCH_NATIVE is 0)"
    try:
        return importlib.import_module("recbench._native"), "native"
    except ImportError as error:
        return _NumPy, f"numpy ({error})"


def _check(
    name: str, array: NDArray[np.generic], dtype: DTypeLike, rows: int | None = None
) -> None:
    """Raise `ValueError` unless `array` is what both implementations can read."""
    flags = array.flags
    usable = array.ndim == 1 and flags.c_contiguous and flags.aligned and array.dtype == dtype
    if not usable or (rows is not None and len(array) != rows):
        size = "" if rows is None else f" of {rows} rows"
        raise ValueError(
            f"{name}: expected a contiguous, aligned 1-D array of {np.dtype(dtype)}{size}, "
            f"got {array.dtype} of shape {array.shape} and strides {array.strides}"
        )


def _check_slices(starts: Positions, stops: Positions, recent: int) -> None:
    _check("starts", starts, np.int64)
    _check("stops", stops, np.int64, len(starts))
    _check_order("starts", starts, "stops", stops)
    if recent < -1:
        raise ValueError(f"recent: expected -1 (all), 0 or more, got {recent}")


def _check_order(low_name: str, low: Bound, high_name: str, high: Bound) -> None:
    """Raise `ValueError` unless `low <= high` in every row."""
    wrong = np.flatnonzero(np.greater(low, high))
    if len(wrong):
        row = wrong[0]
        lows, highs = np.broadcast_arrays(low, high)
        raise ValueError(
            f"expected {low_name} <= {high_name}, got {lows[row]} > {highs[row]} in row {row}"
        )


_kernels, _implementation = _choose()
