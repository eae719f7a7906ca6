"""Every check can fail: for each there is a model, sound but for one fault, that it catches."""

from __future__ import annotations

import pytest
from testing.faults import contract, forward, training
from testing.faults.contract import Misspelt, NoTask, Overreaching
from testing.faults.forward import NormalisesBatchOfOne, ReadsNothing, ReturnsColumns
from testing.faults.sound import Sound

from recbench import Model
from recbench.errors import RecbenchError
from recbench.testing import MODEL_CHECKS, CheckFailure, check_model

FAULTS = contract.FAULTS | forward.FAULTS | training.FAULTS
ELSEWHERE = ("adaptation", "episodes", "explanation")
"""Checks whose faults are in other files beside this one."""
NAMES = [check.__name__.removeprefix("check_") for check in MODEL_CHECKS]


class KeepsItsLastInterest(Sound):
    """Sound as well: what it keeps changes nothing."""

    def interest(self, history):
        self.last = super().interest(history)
        return self.last


def test_a_sound_model_passes_every_check(failures):
    assert failures(Sound) == set()


@pytest.mark.usefixtures("without_learning")
def test_a_model_may_keep_what_it_last_computed():
    assert check_model(KeepsItsLastInterest) is None


@pytest.mark.parametrize("model", [fault for fault in FAULTS if "learns" not in FAULTS[fault]])
@pytest.mark.usefixtures("without_learning")
def test_a_fault_fails_the_checks_it_concerns_and_no_others(model: type[Model], failures):
    assert failures(model) == FAULTS[model]


@pytest.mark.parametrize("model", [fault for fault in FAULTS if "learns" in FAULTS[fault]])
def test_a_model_that_does_not_learn_is_found_out(model: type[Model], failures):
    assert failures(model) == FAULTS[model]


def test_a_model_without_a_task_is_told_which_there_are():
    with pytest.raises(CheckFailure, match="one of: ctr, next-item") as caught:
        check_model(NoTask)
    assert caught.value.check == "check_contract"


def test_training_settings_that_do_not_exist_are_found_out():
    expected = (
        "unknown field of Misspelt.training_settings: 'learning_rat'; did you mean learning_r"
    )
    with pytest.raises(CheckFailure, match=expected) as caught:
        check_model(Misspelt)
    assert caught.value.check == "check_contract"


def test_a_search_space_that_does_not_fit_is_found_out():
    expected = "search_space: wideness: unknown field of Overreaching.Config: 'wideness'"
    with pytest.raises(CheckFailure, match=expected) as caught:
        check_model(Overreaching)
    assert caught.value.check == "check_contract"


def test_for_every_check_there_is_a_fault_that_few_others_find():
    assert set.union(*FAULTS.values(), ELSEWHERE) == set(NAMES)
    assert max(map(len, FAULTS.values())) <= 4


@pytest.mark.parametrize(
    ("model", "check", "cause"),
    [
        (ReturnsColumns, "check_shapes", r"shape \(8, 1\) in training mode .* \[8\]"),
        (NormalisesBatchOfOne, "check_batch_of_one", "it raises ValueError: Expected more than 1"),
        (ReadsNothing, "check_reads", r"set self.reads = Reads\(recent=0\) if it reads none"),
    ],
)
def test_the_first_failure_is_told_with_its_cause(model: type[Model], check: str, cause: str):
    with pytest.raises(
        CheckFailure, match=rf"^{model.__name__} fails {check}: .*{cause}"
    ) as caught:
        check_model(model)
    assert isinstance(caught.value, RecbenchError)
    assert caught.value.check == check
    assert str(caught.value).endswith(caught.value.cause)


def test_every_check_says_in_a_sentence_what_it_demands():
    for check in MODEL_CHECKS:
        assert check.__doc__
        assert check.__doc__.endswith(".")
        assert "\n" not in check.__doc__
