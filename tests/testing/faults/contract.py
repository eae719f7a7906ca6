"""Models that break the contract before they compute anything."""

from __future__ import annotations

from dataclasses import dataclass

from testing.faults.sound import LENGTH, Sound

from recbench import Model, Range, Reads


class OtherVersion(Sound):
    api = 2


class NoTask(Sound):
    task = None


class MutableConfig(Sound):
    @dataclass
    class Config:
        dim: int = 8


class NegativeReads(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.reads = Reads(recent=LENGTH, same_category=-1)


class Misspelt(Sound):
    """Names a training setting that there is none of."""

    training_settings = {"learning_rat": 0.1}


class Overreaching(Sound):
    """Has tuning vary what there is not."""

    search_space = {"wideness": Range(0.0, 0.5)}


FAULTS: dict[type[Model], set[str]] = {
    OtherVersion: {"contract"},
    MutableConfig: {"contract"},
    NegativeReads: {"contract", "reads"},
}
