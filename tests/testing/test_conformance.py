"""The ways to run the checks, and how each tells what it found."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from recbench_models.baselines.logistic_regression import LogisticRegression
from recbench_models.baselines.popularity import Popularity

from recbench.testing import (
    MODEL_CHECKS,
    CheckFailure,
    CheckResult,
    check_model,
    parametrize_with_checks,
    run_checks,
)


class Biased(LogisticRegression):
    """Has an option without a default, and shifts its logits by it after a training."""

    @dataclass(frozen=True)
    class Config:
        shift: float

    def fit(self, train, validate, run):
        result = super().fit(train, validate, run)
        self.shift = self.config.shift
        return result

    def forward(self, features):
        return super().forward(features) + getattr(self, "shift", 0.0)


def test_check_model_tells_the_first_failure():
    with pytest.raises(CheckFailure) as caught:
        check_model(Biased)
    assert caught.value.check == "check_contract"
    assert "field 'shift' has no default" in caught.value.cause
    assert str(caught.value) == f"Biased fails check_contract: {caught.value.cause}"


def test_run_checks_goes_on_after_a_failure_and_keeps_the_order():
    results = run_checks(Biased, Biased.Config(1.0))
    assert [each.name for each in results] == [check.__name__ for check in MODEL_CHECKS]
    failed = {each.name: each.reason for each in results if not each.passed}
    assert set(failed) == {"check_contract", "check_checkpoint"}
    assert all(failed.values())


def test_a_check_that_does_not_apply_passes_and_says_why():
    results = run_checks(Popularity)
    assert [each for each in results if each.outcome != "passed"] == [
        CheckResult("check_adaptation", "not applicable", "it does not adapt"),
        CheckResult("check_episodes", "not applicable", "it does not adapt"),
        CheckResult("check_explanation", "not applicable", "it explains nothing"),
        CheckResult("check_gradients", "not applicable", "it has no parameters"),
    ]
    assert all(each.passed for each in results)
    assert check_model(Popularity) is None


def test_a_decorated_test_runs_once_for_each_model_and_check():
    mark = parametrize_with_checks([Popularity, (Biased, Biased.Config(1.0))])
    argument, cases = mark.args
    calls = {case.id: case.values[0] for case in cases}
    assert argument == "check"
    assert len(calls) == 2 * len(MODEL_CHECKS)
    calls["Popularity-check_shapes"]()
    with pytest.raises(CheckFailure, match=r"^Biased\(shift=1.0\) fails check_checkpoint: "):
        calls["Biased(shift=1.0)-check_checkpoint"]()
    with pytest.raises(pytest.skip.Exception, match="it has no parameters"):
        calls["Popularity-check_gradients"]()


def test_a_subject_is_named_by_what_differs_from_the_defaults():
    same, plain = (
        parametrize_with_checks([form]).args[1][0].id
        for form in (
            (Popularity, Popularity.Config()),
            Popularity,
        )
    )
    assert same == plain == "Popularity-check_contract"
