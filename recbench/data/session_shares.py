"""Whole sessions split by time, where it is known how many and not how long the parts shall be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.data.splits import LastSessions, LogChunk


@dataclass(frozen=True)
class LastSessionShares(LastSessions):
    """Whole sessions by the time of their last event; the latest of all events bound the parts.

    Attributes:
        valid: Share of the events from whose first moment on sessions are validation.
        test: Share of the events from whose first moment on sessions are test.
    """

    def boundaries(self, log: LogChunk) -> tuple[int, int]:
        """Return the first moment of validation and of test, given the whole log."""
        valid, test = np.quantile(
            log.time, [1 - self.test - self.valid, 1 - self.test], method="higher"
        )
        return int(valid), int(test)
