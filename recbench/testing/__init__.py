"""The conformance kit: what authors of plugins and operators run on what they write."""

from recbench.testing.check_result import CheckFailure, CheckResult
from recbench.testing.conformance import (
    DATASET_CHECKS,
    MODEL_CHECKS,
    check_dataset,
    check_model,
    parametrize_with_checks,
    run_checks,
)
from recbench.testing.operator_conformance import OPERATOR_CHECKS, check_op
from recbench.testing.synthetic import SCHEMA, random_batch

__all__ = [
    "DATASET_CHECKS",
    "MODEL_CHECKS",
    "OPERATOR_CHECKS",
    "SCHEMA",
    "CheckFailure",
    "CheckResult",
    "check_dataset",
    "check_model",
    "check_op",
    "parametrize_with_checks",
    "random_batch",
    "run_checks",
]
