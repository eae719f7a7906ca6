from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from recbench import Model
from recbench.testing import MODEL_CHECKS, run_checks


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only lose by being split."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def without_learning(monkeypatch) -> None:
    """Leave out the one check that takes longer than all others together."""
    checks = tuple(check for check in MODEL_CHECKS if check.__name__ != "check_learns")
    monkeypatch.setattr("recbench.testing.conformance.MODEL_CHECKS", checks)


@pytest.fixture
def failures() -> Callable[[type[Model]], set[str]]:
    """Return a function that returns the names of the checks that a model fails."""

    def find(model: type[Model]) -> set[str]:
        return {each.name.removeprefix("check_") for each in run_checks(model) if not each.passed}

    return find
