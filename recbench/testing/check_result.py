"""What comes of one check of one plugin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from recbench.errors import RecbenchError
from recbench.surroundings import kept
from recbench.testing.require import NotApplicable

Check = Callable[[Any], None]
"""Takes a subject, and raises `AssertionError` with the cause if it fails."""


class CheckFailure(RecbenchError, AssertionError):  # noqa: N818 - says that a check ran
    """A plugin fails a check.

    Attributes:
        check: The check's name.
        cause: What the plugin did, and how to mend it.
    """

    def __init__(self, subject: str, check: str, cause: str) -> None:
        """Say which plugin fails which check, and why."""
        super().__init__(f"{subject} fails {check}: {cause}")
        self.check = check
        self.cause = cause


@dataclass(frozen=True)
class CheckResult:
    """How a plugin did in one check.

    Attributes:
        name: The check's name.
        outcome: Whether it does what the check demands, does not, was declared not to, or is
            nothing that the check is for.
        reason: Why, in one line; empty if it passed.
    """

    name: str
    outcome: Literal["passed", "failed", "expected failure", "not applicable"]
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong: all but a failure that was not declared."""
        return self.outcome != "failed"


def run_check(check: Check, subject: object) -> str:
    """Run a check; return why it does not apply, or nothing.

    Raises:
        CheckFailure: If the subject fails it.
    """
    try:
        with kept():  # or one check would hear of what another has met
            check(subject)
    except NotApplicable as reason:
        return str(reason)
    except AssertionError as error:
        raise CheckFailure(str(subject), check.__name__, str(error)) from error
    except (Exception, SystemExit) as error:
        cause = f"it raises {type(error).__name__}: {error}"
        raise CheckFailure(str(subject), check.__name__, cause) from error
    return ""


def result(check: Check, subject: object, expected: str) -> CheckResult:
    """Return how a subject does in a check that it is expected to fail, for the reason given.

    With an empty reason it is expected to pass.
    """
    name = check.__name__
    try:
        reason = run_check(check, subject)
    except CheckFailure as failure:
        if expected:
            return CheckResult(name, "expected failure", f"{expected}: {failure.cause}")
        return CheckResult(name, "failed", failure.cause)
    if expected:
        did = "does not apply" if reason else "passes"
        cause = f"it is declared to fail ({expected}) and {did}; take it out of expected_failures"
        return CheckResult(name, "failed", cause)
    return CheckResult(name, "not applicable" if reason else "passed", reason)
