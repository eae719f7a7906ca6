"""The conformance suites of models and datasets: every check, and the ways to run them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from recbench.data import Dataset
from recbench.errors import PluginError, unknown_name
from recbench.model import Model
from recbench.progress import SILENT, Progress
from recbench.testing import adaptation_checks as adaptation
from recbench.testing import card_checks as card
from recbench.testing import damage_checks as damage
from recbench.testing import explanation_checks as explanation
from recbench.testing import forward_checks as forward
from recbench.testing import preparation_checks as preparation
from recbench.testing import training_checks as training
from recbench.testing import vector_checks as vector
from recbench.testing.check_result import Check, CheckFailure, CheckResult, result, run_check
from recbench.testing.dataset_subject import DatasetSubject
from recbench.testing.subject import Subject

if TYPE_CHECKING:
    import pytest

Plugged = type[Model] | type[Dataset] | Dataset
"""What can be checked."""

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
    vector.check_vectors,
    adaptation.check_adaptation,
    adaptation.check_episodes,
    explanation.check_explanation,
    training.check_gradients,
    training.check_checkpoint,
    training.check_resume,
    training.check_surroundings,
    training.check_learns,
)
"""What every model must pass, in the order in which a failure is best understood."""

DATASET_CHECKS: tuple[Check, ...] = (
    card.check_card,
    card.check_protocols,
    card.check_sample,
    card.check_reader,
    preparation.check_preparation,
    preparation.check_fingerprints,
    preparation.check_parts,
    preparation.check_labels,
    preparation.check_batches,
    damage.check_missing_file,
    damage.check_empty_file,
    damage.check_missing_column,
    damage.check_foreign_file,
)
"""What every dataset must pass, in the order in which a failure is best understood."""


def check_model(model: type[Model], config: Any = None) -> None:
    """Run every check on a model, up to the first that fails.

    Args:
        model: The model's class.
        config: An instance of its `Config`; the default one if None.

    Raises:
        CheckFailure: If the model fails a check, or passes one that it declares to fail.
    """
    _check(Subject(model, config))


def check_dataset(dataset: type[Dataset] | Dataset) -> None:
    """Run every check on a dataset, up to the first that fails.

    It is tried on what its `sample` writes, or else on the smallest data of its simulator.

    Args:
        dataset: The dataset's class, or an instance where that takes arguments.

    Raises:
        CheckFailure: If the dataset fails a check, or passes one that it declares to fail.
    """
    _check(DatasetSubject(dataset))


def run_checks(
    plugin: Plugged, config: Any = None, progress: Progress = SILENT
) -> list[CheckResult]:
    """Run every check on a model or dataset, whatever fails, and return how it did in each.

    Args:
        plugin: The class of a model or dataset.
        config: An instance of a model's `Config`; the default one if None.
        progress: Is told of each check.

    Raises:
        PluginError: If `expected_failures` declares what cannot be.
    """
    subject = _subject(plugin, config)
    expected, results = expected_failures(subject), []
    with progress.bar(f"checking {subject}", len(_suite(subject)), "checks") as bar:
        for check in _suite(subject):
            results.append(result(check, subject, expected.get(check.__name__, "")))
            bar.advance(1)
    return results


def parametrize_with_checks(
    plugins: Iterable[Plugged | tuple[type[Model], Any]],
) -> pytest.MarkDecorator:
    """Return a decorator that makes a test of one argument, `check`, run once for each check.

        @parametrize_with_checks([FM, (FM, FMConfig(embedding_dim=4))])
        def test_conforms(check):
            check()

    Checks that do not apply to a plugin are skipped with the reason. Those in its
    `expected_failures` are expected to fail, strictly: one that passes is a failed test.

    Args:
        plugins: Classes of models and datasets; models alone or with an instance of their `Config`.
    """
    import pytest

    cases = []
    for each in plugins:
        subject = _subject(*each) if isinstance(each, tuple) else _subject(each)
        expected = expected_failures(subject)
        for check in _suite(subject):
            name = check.__name__
            mark = pytest.mark.xfail(
                reason=expected.get(name, ""), raises=CheckFailure, strict=True
            )
            cases.append(
                pytest.param(
                    partial(_run_or_skip, check, subject, fails=name in expected),
                    marks=[mark] if name in expected else [],
                    id=f"{subject}-{name}",
                )
            )
    return pytest.mark.parametrize("check", cases)


def expected_failures(subject: Subject | DatasetSubject) -> Mapping[str, str]:
    """Return the reasons why a subject is expected to fail checks, by the checks' names.

    Raises:
        PluginError: If one has no reason, or there is no such check.
    """
    declared = getattr(subject.plugin, "expected_failures", {})
    known = {check.__name__ for check in _suite(subject)}
    if not isinstance(declared, Mapping):
        raise PluginError(f"{subject}: expected_failures must be a mapping of checks to reasons")
    for name, reason in declared.items():
        if name not in known:
            raise PluginError(f"{subject}: expected_failures: {unknown_name('check', name, known)}")
        if not (isinstance(reason, str) and reason.strip()):
            raise PluginError(f"{subject}: expected_failures gives no reason for {name}; give one")
    return declared


def _check(subject: Subject | DatasetSubject) -> None:
    expected = expected_failures(subject)
    for check in _suite(subject):
        found = result(check, subject, expected.get(check.__name__, ""))
        if not found.passed:
            raise CheckFailure(str(subject), found.name, found.reason)


def _subject(plugin: Any, config: Any = None) -> Subject | DatasetSubject:
    kind = plugin if isinstance(plugin, type) else type(plugin)
    return DatasetSubject(plugin) if issubclass(kind, Dataset) else Subject(plugin, config)


def _suite(subject: Subject | DatasetSubject) -> tuple[Check, ...]:
    return DATASET_CHECKS if isinstance(subject, DatasetSubject) else MODEL_CHECKS


def _run_or_skip(check: Check, subject: Subject | DatasetSubject, *, fails: bool) -> None:
    import pytest

    if (reason := run_check(check, subject)) and not fails:
        pytest.skip(f"does not apply: {reason}")
