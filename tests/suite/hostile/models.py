from __future__ import annotations

import ctypes
import gc
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from recbench import CTRBatch, CTRModel, FitResult
from recbench.data import Part


@dataclass(frozen=True)
class NoConfig:
    pass


class Sound(CTRModel):
    """Scores an item by its id, and learns nothing."""

    api = 1
    Config = NoConfig

    def __init__(self, schema, config):
        super().__init__(schema, config)
        self.weight = torch.nn.Parameter(torch.tensor(0.01))

    def fit(self, train, validate, run):
        return FitResult(1, validate(self), [])

    def forward(self, features):
        return self.weight * features.fields["item"].float()


class Learns(Sound):
    """Is trained by the harness's loop."""

    fit = CTRModel.fit


class BuildRaises(Sound):
    def __init__(self, schema, config):
        super().__init__(schema, config)
        raise KeyError("no such field")


class ForwardRaises(Sound):
    def forward(self, features):
        print("said before it failed")  # noqa: T201
        raise ZeroDivisionError("in forward")


class LossRaises(Learns):
    def loss(self, batch):
        raise IndexError("in loss")


class WrongShape(Sound):
    def forward(self, features):
        return super().forward(features)[:, None]


class PredictsNan(Sound):
    def forward(self, features):
        return super().forward(features) * math.nan


class LossNan(Learns):
    def loss(self, batch):
        return super().loss(batch) * math.nan


class TooLarge(Learns):
    def loss(self, batch):
        if len(batch) > 40:
            raise torch.OutOfMemoryError("Tried to allocate 20.00 MiB")
        return super().loss(batch)


class Mutates(Learns):
    """Overwrites what it is given, in training and in prediction."""

    def loss(self, batch):
        batch.labels.fill_(1)
        return super().loss(batch)

    def forward(self, features):
        output = super().forward(features)
        for ids in (*features.fields.values(), *features.history.fields.values()):
            ids.fill_(0)
        return output


class Prints(Sound):
    def forward(self, features):
        print('{"records": "from a plugin"}', flush=True)  # noqa: T201
        os.write(1, b"straight to the descriptor\n")
        return super().forward(features)


class Exits(Sound):
    def fit(self, train, validate, run):
        sys.exit(0)


class ExitsAtOnce(Sound):
    def fit(self, train, validate, run):
        os._exit(0)


class Segfaults(Sound):
    def forward(self, features):
        ctypes.string_at(0)


class Forks(Sound):
    """Leaves processes behind, some of which hide in sessions of their own."""

    def fit(self, train, validate, run):
        left = [subprocess.Popen(["sleep", "300"], start_new_session=own) for own in (True, False)]
        pids = [each.pid for each in left]
        if (pid := os.fork()) == 0:
            time.sleep(300)
            os._exit(0)
        Path(os.environ["HOSTILE_PIDS"]).write_text(" ".join(map(str, [*pids, pid])))
        return super().fit(train, validate, run)


class Leaks(Sound):
    def forward(self, features):
        kept = []
        for _ in range(200):
            kept.append(b"x" * (32 << 20))
            time.sleep(0.01)
        return super().forward(features)


class Hangs(Sound):
    """Never returns, and never gives Python's lock back."""

    def forward(self, features):
        while True:
            ctypes.PyDLL(None).pause()


class Meddles(Sound):
    """Changes what the process thinks of metrics, and tells the harness nonsense."""

    def fit(self, train, validate, run):
        from recbench.metrics import METRICS

        object.__setattr__(METRICS["auc"], "compute", lambda *columns: 1.0)
        os.write(int(sys.argv[1]), b'no event\n[1]\n{"bar": 7}\n{"advance": "x", "figures": 3}\n')
        return super().fit(train, validate, run)


class Peeks(Sound):
    """Looks for labels in every frame and every object, and predicts those that it finds."""

    def forward(self, features):
        found = self._in_frames(features)
        if found is None:
            found = self._in_parts(len(features))
        return torch.zeros(len(features)) if found is None else found * 2 - 1

    @staticmethod
    def _in_frames(features):
        frame = sys._getframe()
        while frame := frame.f_back:
            for value in frame.f_locals.values():
                mine = isinstance(value, CTRBatch) and value.features is features
                if mine and value.labels.isfinite().all():
                    return value.labels.clone()
        return None

    @staticmethod
    def _in_parts(count):
        for part in gc.get_objects():
            if isinstance(part, Part) and part.name == "test" and "click" in part.columns:
                labels = torch.tensor(part.columns["click"][:count], dtype=torch.float32)
                if labels.isfinite().all():
                    return labels
        return None


class Relabels(Sound):
    """Leaves labels of its own beside its predictions."""

    def fit(self, train, validate, run):
        from recbench import pipeline

        predict = pipeline.predict

        def relabelled(*asked):
            found = predict(*asked)
            return {**found, "label": (found["prediction"] > 0.5).astype("float32")}

        pipeline.predict = relabelled
        return super().fit(train, validate, run)


class Counts(Sound):
    """Knows that every second example is stored as the negative of the one before."""

    def forward(self, features):
        return 1.0 - torch.arange(len(features)) % 2 * 2


class OldAPI(Sound):
    api = 0


class NewerAPI(Sound):
    api = 99
