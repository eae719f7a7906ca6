"""The conformance kit: what authors of models and operators run to see that they keep to theirs."""

from recbench.testing.conformance import (
    MODEL_CHECKS,
    CheckFailure,
    CheckResult,
    check_model,
    parametrize_with_checks,
    run_checks,
)
from recbench.testing.operator_conformance import OPERATOR_CHECKS, check_op
from recbench.testing.synthetic import SCHEMA, random_batch

__all__ = [
    "MODEL_CHECKS",
    "OPERATOR_CHECKS",
    "SCHEMA",
    "CheckFailure",
    "CheckResult",
    "check_model",
    "check_op",
    "parametrize_with_checks",
    "random_batch",
    "run_checks",
]
