"""The conformance kit: what the author of a model runs to see that it keeps the contract."""

from recbench.testing.conformance import (
    MODEL_CHECKS,
    CheckFailure,
    CheckResult,
    check_model,
    parametrize_with_checks,
    run_checks,
)
from recbench.testing.synthetic import SCHEMA, random_batch

__all__ = [
    "MODEL_CHECKS",
    "SCHEMA",
    "CheckFailure",
    "CheckResult",
    "check_model",
    "parametrize_with_checks",
    "random_batch",
    "run_checks",
]
