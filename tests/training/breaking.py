"""Trainings that are broken off, and what must be the same of them as of whole ones."""

from __future__ import annotations

import torch


class BrokenOff(Exception):  # noqa: N818 - not an error of anything here
    """The power went."""


class Breaking:
    """Examples that break off when batch number `left` is asked for."""

    def __init__(self, examples, left: int) -> None:
        self.whole, self.left = examples, left
        self.examples, self.batches = examples.examples, examples.batches

    def epoch(self, number, skip=0):
        for batch in self.whole.epoch(number, skip):
            self.left -= 1
            if not self.left:
                raise BrokenOff
            yield batch


def require_same(found, expected):
    assert found[:3] == expected[:3]
    for one, other in zip(found[3:], expected[3:], strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert torch.equal(value, other[name]), name
