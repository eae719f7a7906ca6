"""The conformance suite: every check, and the ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from recbench.errors import RecbenchError
from recbench.model import Model
from recbench.testing import adaptation_checks as adaptation
from recbench.testing import explanation_checks as explanation
from recbench.testing import forward_checks as forward
from recbench.testing import training_checks as training
from recbench.testing.require import NotApplicable
from recbench.testing.subject import Subject

if TYPE_CHECKING:
    import pytest

Check = Callable[[Subject], None]

MODEL_CHECKS: tuple[Check, ...] = (
    forward.check_contract,
    training.check_initialisation,
    forward.check_shapes,
    forward.check_batch_of_one,
    forward.check_empty_history,
    forward.check_unseen_ids,
    training.check_fit,
    forward.check_evaluation,
    forward.check_inputs_are_kept,
    forward.check_halves,
    forward.check_permutation,
    forward.check_padding,
    forward.check_reads,
    forward.check_future_blindness,
    forward.check_label_blindness,
    adaptation.check_adaptation,
    adaptation.check_episodes,
    explanation.check_explanation,
    training.check_gradients,
    training.check_checkpoint,
    training.check_resume,
    training.check_learns,
)
"""What every model must pass, in the order in which a failure is best understood."""


class CheckFailure(RecbenchError, AssertionError):  # noqa: N818 - says that a check ran
    """A model fails a check.

    Attributes:
        check: The check's name.
        cause: What the model did, and how to mend it.
    """

    def __init__(self, subject: str, check: str, cause: str) -> None:
        """Say which model fails which check, and why."""
        super().__init__(f"{subject} fails {check}: {cause}")
        self.check = check
        self.cause = cause


@dataclass(frozen=True)
class CheckResult:
    """How a model did in one check.

    Attributes:
        name: The check's name.
        passed: Whether it does what the check demands; true where the check does not apply.
        reason: Why it failed, or why the check does not apply; empty otherwise.
    """

    name: str
    passed: bool
    reason: str = ""


def check_model(model: type[Model], config: Any = None) -> None:
    """Run every check on a model, up to the first that fails.

    Args:
        model: The model's class.
        config: An instance of its `Config`; the default one if None.

    Raises:
        CheckFailure: If the model fails a check.
    """
    subject = Subject(model, config)
    for check in MODEL_CHECKS:
        _run(check, subject)


def run_checks(model: type[Model], config: Any = None) -> list[CheckResult]:
    """Run every check on a model, whatever fails, and return how it did in each.

    Args:
        model: The model's class.
        config: An instance of its `Config`; the default one if None.
    """
    subject, results = Subject(model, config), []
    for check in MODEL_CHECKS:
        try:
            results.append(CheckResult(check.__name__, True, _run(check, subject)))
        except CheckFailure as failure:
            results.append(CheckResult(check.__name__, False, failure.cause))
    return results


def parametrize_with_checks(
    models: Iterable[type[Model] | tuple[type[Model], Any]],
) -> pytest.MarkDecorator:
    """Return a decorator that makes a test of one argument, `check`, run once for each check.

        @parametrize_with_checks([FM, (FM, FMConfig(embedding_dim=4))])
        def test_conforms(check):
            check()

    Checks that do not apply to a model are skipped with the reason.

    Args:
        models: Model classes, alone or with an instance of their `Config`.
    """
    import pytest

    subjects = [Subject(*each) if isinstance(each, tuple) else Subject(each) for each in models]
    cases = [
        pytest.param(partial(_run_or_skip, check, subject), id=f"{subject}-{check.__name__}")
        for subject in subjects
        for check in MODEL_CHECKS
    ]
    return pytest.mark.parametrize("check", cases)


def _run(check: Check, subject: Subject) -> str:
    """Run a check; return why it does not apply, or nothing."""
    name = check.__name__
    try:
        check(subject)
    except NotApplicable as reason:
        return f"does not apply: {reason}"
    except AssertionError as error:
        raise CheckFailure(str(subject), name, str(error)) from error
    except Exception as error:
        cause = f"it raises {type(error).__name__}: {error}"
        raise CheckFailure(str(subject), name, cause) from error
    return ""


def _run_or_skip(check: Check, subject: Subject) -> None:
    import pytest

    if reason := _run(check, subject):
        pytest.skip(reason)
