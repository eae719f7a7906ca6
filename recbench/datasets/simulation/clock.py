"""When events happen: bursts of a few minutes, more of them in the evening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

START = 1_511_539_200
"""Midnight of 2017-11-25 in UTC+8, in Unix seconds."""
DAY = 86_400
DAYS = 9
SPAN = DAYS * DAY

BURST_VIEWS = 8
"""Mean page views of a burst."""
GAP_SECONDS = 40
"""Mean time between two events of a burst."""
_HOURS = np.array(
    [38, 20, 12, 8, 7, 9, 15, 25, 35, 43, 49, 48, 47, 51, 51, 52, 51, 47, 50, 63, 75, 83, 81, 60]
)
"""Relative frequency of a burst starting in each hour of the day, UTC+8."""


def draw_times(
    rng: np.random.Generator, lengths: NDArray[np.int64], is_view: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Draw strictly increasing times for each user, independent of what is viewed.

    Args:
        rng: Source of randomness.
        lengths: Number of events of each user, [U].
        is_view: Which events are page views, users one after another, [N]; a user's first is.

    Returns:
        Seconds since `START`, below `SPAN`, [N].
    """
    owner = np.repeat(np.arange(len(lengths)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    position = np.arange(len(owner)) - first
    opens = is_view & (rng.random(len(owner)) < 1 / BURST_VIEWS) | (position == 0)
    bursts = np.flatnonzero(opens)
    start = np.sort(owner[bursts] * SPAN + _burst_starts(rng, len(bursts))) % SPAN
    burst = np.cumsum(opens) - 1
    elapsed = np.cumsum(1 + (rng.standard_exponential(len(owner)) * GAP_SECONDS).astype(np.int64))
    time = start[burst] + elapsed - elapsed[bursts][burst]
    # A burst that runs into the next one pushes it on, and the end of the span pushes back.
    apart = owner * (4 * SPAN)
    earliest = np.maximum.accumulate(time - position + apart) - apart
    latest = SPAN - np.repeat(lengths, lengths)
    return np.asarray(np.minimum(earliest, latest) + position)


def _burst_starts(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    hour = rng.choice(24, size=n, p=_HOURS / _HOURS.sum())
    return rng.integers(DAYS, size=n) * DAY + hour * 3600 + rng.integers(3600, size=n)
