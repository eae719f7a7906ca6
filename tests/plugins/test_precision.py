"""Models of every task are trained in low precision, and predict in single precision."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from recbench.plugins import find, load_model
from recbench.testing.subject import BRIEF, BRIEF_EXAMPLES, Subject, predict

BFLOAT16 = (
    "din-base", "din", "dien", "sim", "gru4rec", "stmp", "stamp",
    "single-task", "shared-bottom", "moe", "mmoe", "ple",
    "melu", "random-embedding", "meta-embedding", "mwuf",
)  # fmt: skip
FLOAT16 = ("din", "dien", "sim", "stamp", "mmoe", "melu", "meta-embedding")


@pytest.mark.parametrize(
    ("name", "precision"),
    [(name, "bfloat16") for name in BFLOAT16] + [(name, "float16") for name in FLOAT16],
)
def test_it_is_trained(name, precision):
    subject = Subject(load_model(find("model", name)))
    features = subject.data.random().features
    begun, exact = predict(subject.build(), features), predict(subject.trained(), features)
    model = subject.fit(replace(BRIEF, precision=precision), BRIEF_EXAMPLES)
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    found = predict(model, features)
    assert found.dtype == torch.float32
    moved = (exact - begun).norm()
    assert 0 < (found - exact).norm() < 0.5 * moved  # where single precision ends, but for digits
