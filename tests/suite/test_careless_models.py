"""Models that break the contract, or change what is set for the process, beside sound ones."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.scored import load_predictions
from recbench.suite.runs import run_here

DATA = DataConfig("taobao", size="tiny", limit=500)
GOOD = RunConfig("popularity", DATA, device="cpu")
BASE = RunConfig(
    "din-base", DATA, {"embedding_dim": 4, "mlp": [8]}, {"epochs": 2}, seed=3, device="cpu"
)
CLUMSY = """
    from dataclasses import dataclass
    from recbench import CTRModel

    @dataclass(frozen=True)
    class Config:
        sizes: frozenset = frozenset([1])

    class Unwritable(CTRModel):
        api = 1
        Config = Config

    class Taskless(Unwritable):
        task = None

    class Reads(CTRModel):
        api = 1

        @dataclass(frozen=True)
        class Config:
            pass

        def __init__(self, schema, config):
            super().__init__(schema, config)
            self.reads = 50

    class Empty(Reads):
        def __init__(self, schema, config):
            super(Reads, self).__init__(schema, config)

        def fit(self, train, validate, run):
            validate(self)

    class Quiet(Empty):
        def forward(self, features):
            return features.fields["item"] * 0.5
"""


CARELESS = """
    import torch
    from dataclasses import dataclass
    from recbench import CTRModel, FitResult

    torch.set_default_dtype(torch.float64)

    @dataclass(frozen=True)
    class Config:
        pass

    class Careless(CTRModel):
        api = 1
        Config = Config

        def fit(self, train, validate, run):
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            return FitResult(1, validate(self), [])

        def forward(self, features):
            torch.set_grad_enabled(True)
            weight = torch.ones(1, requires_grad=True)
            return features.fields["item"] * weight
"""


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "Unwritable",
            r"clumsy \(clumsy.Unwritable\): .*field 'sizes' .*, which no record can hold",
        ),
        ("Taskless", "Taskless has no task; subclass"),
        ("Reads", r"clumsy: reads is 50; set self.reads = Reads\(\.\.\.\)"),
        ("Empty", "Empty has no method 'forward'; its class must define it"),
        ("Quiet", "clumsy: fit returned None; it must return recbench.FitResult"),
    ],
)
def test_a_model_that_breaks_the_contract_is_one_failed_run(install, run_folders, model, said):
    install("clumsy", {"clumsy": CLUMSY}, models={"clumsy": f"clumsy:{model}"})
    bad, good = run_here([replace(GOOD, model="clumsy"), GOOD], run_folders)
    assert re.search(said, bad.error)
    assert good.record


def test_what_a_model_sets_for_the_process_changes_no_later_run(install, run_folders):
    (alone,) = run_here([BASE], run_folders)
    before = load_predictions(alone.record.path(run_folders.results))["prediction"]
    install("careless", {"careless": CARELESS}, models={"careless": "careless:Careless"})
    careless, after = run_here([replace(GOOD, model="careless"), BASE], run_folders, again=True)
    assert careless.record
    found = load_predictions(after.record.path(run_folders.results))["prediction"]
    assert found.tobytes() == before.tobytes()
