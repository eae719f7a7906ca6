"""A model whose validation score is known beforehand, and the runs that tune it."""

from __future__ import annotations

from recbench.config import RunConfig
from recbench.data import DataConfig

DATA = DataConfig("taobao", size="tiny", limit=100)
# A model whose validation score is a known function of its settings, at once.
TUNED = """
    import os, time
    from dataclasses import dataclass

    import torch
    from recbench import COMMON_SPACE, Choice, CTRModel, FitResult, LogRange, Range

    @dataclass(frozen=True)
    class KnownConfig:
        width: int = 4
        shape: tuple[int, ...] = (2,)
        share: float = 0.5
        fails: str = ""

    class Known(CTRModel):
        api = 1
        Config = KnownConfig
        search_space = {
            "width": LogRange(1, 64),
            "shape": Choice((1,), (2,), (2, 2)),
            "share": Range(0.0, 1.0),
            "training.learning_rate": LogRange(1e-4, 1e-2),
        }

        def __init__(self, schema, config):
            super().__init__(schema, config)
            self.weight = torch.nn.Parameter(torch.rand(()))

        def forward(self, features):
            return self.weight * torch.rand(len(features))

        def fit(self, train, validate, run):
            time.sleep(float(os.environ.get("KNOWN_SECONDS", 0)))
            own = self.config
            if own.fails == "abort" and own.share > 0.4:
                os.abort()
            if own.fails in ("crash", "exit") and own.share > 0.4:
                raise {"crash": ZeroDivisionError, "exit": SystemExit}[own.fails]("broke")
            if own.fails == "full":
                raise OSError(28, os.strerror(28))
            score = 1 - (own.share - 0.3) ** 2 - run.config.learning_rate
            return FitResult(1, {"auc": float("nan") if own.fails == "nan" else score}, [])

    class NoSuchField(Known):
        search_space = {"wide": Choice(1, 2)}

    class NoSuchSetting(Known):
        search_space = {"training.learning_rat": Choice(1, 2)}

    class WrongType(Known):
        search_space = {"width": Range(1.0, 2.0)}

    class Outside(Known):
        search_space = {"share": Range(0.0, 0.3), "shape": Choice((1,), (3,))}

    class Nothing(Known):
        search_space = {}
"""
CLASSES = {
    "known": "Known", "no-field": "NoSuchField", "no-setting": "NoSuchSetting",
    "wrong-type": "WrongType", "nothing": "Nothing", "outside": "Outside",
}  # fmt: skip
KNOWN = RunConfig("known", DATA, device="cpu")


def tried(study):
    """Return what a study has tried and found, leaving out how long it took."""
    return [(each.settings, each.validation, each.error, each.repeats) for each in study.trials]
