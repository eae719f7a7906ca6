"""Failures that a plugin declares, with a reason: they are told, and they must go on failing."""

from __future__ import annotations

import pytest
from recbench_models.baselines.popularity import Popularity

from recbench.errors import PluginError
from recbench.testing import CheckFailure, check_model, parametrize_with_checks, run_checks

REASON = "its clock has no buffer"


class Shifted(Popularity):
    """Shifts its logits after a training, by what no checkpoint has."""

    expected_failures = {"check_checkpoint": REASON}

    def fit(self, train, validate, run):
        result = super().fit(train, validate, run)
        self.shift = 1.0
        return result

    def forward(self, features):
        return super().forward(features) + getattr(self, "shift", 0.0)


class Mended(Popularity):
    expected_failures = {"check_checkpoint": REASON, "check_gradients": REASON}


def by_name(model):
    return {each.name: each for each in run_checks(model)}


def test_an_expected_failure_is_told_with_its_reason_and_passes():
    found = by_name(Shifted)["check_checkpoint"]
    assert (found.outcome, found.passed) == ("expected failure", True)
    assert found.reason.startswith(f"{REASON}: a state saved and loaded gives other logits")
    assert check_model(Shifted) is None


def test_one_that_passes_after_all_is_a_failure():
    found = by_name(Mended)
    for name, did in (("check_checkpoint", "passes"), ("check_gradients", "does not apply")):
        assert found[name].outcome == "failed"
        assert found[name].reason == (
            f"it is declared to fail ({REASON}) and {did}; take it out of expected_failures"
        )


@pytest.mark.parametrize(
    ("declared", "cause"),
    [
        ({"check_chekpoint": REASON}, "unknown check 'check_chekpoint'; did you mean check_check"),
        ({"check_empty_file": REASON}, "unknown check 'check_empty_file'"),
        ({"check_checkpoint": " "}, "gives no reason for check_checkpoint; give one"),
        (["check_checkpoint"], "expected_failures must be a mapping of checks to reasons"),
    ],
)
def test_a_declaration_that_cannot_be_is_an_error(declared, cause):
    model = type("Odd", (Popularity,), {"expected_failures": declared})
    for way in (check_model, run_checks, lambda each: parametrize_with_checks([each])):
        with pytest.raises(PluginError, match=cause) as caught:
            way(model)
        assert str(caught.value).startswith("Odd: expected_failures")


def test_pytest_expects_the_failure_strictly():
    cases = {case.id: case for case in parametrize_with_checks([Shifted, Mended]).args[1]}
    case = cases["Shifted-check_checkpoint"]
    (mark,) = case.marks
    assert (mark.name, mark.kwargs) == (
        "xfail",
        {"reason": REASON, "raises": CheckFailure, "strict": True},
    )
    with pytest.raises(CheckFailure):
        case.values[0]()
    for name in ("check_checkpoint", "check_gradients"):  # passes, does not apply: both too good
        assert cases[f"Mended-{name}"].marks == [mark]
        assert cases[f"Mended-{name}"].values[0]() is None
    assert not cases["Shifted-check_shapes"].marks
