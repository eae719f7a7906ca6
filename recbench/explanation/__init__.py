"""What is inside trained models: use of experts, attention over histories, warm-up curves."""

from recbench.explanation.explanation import Explanation, explain_run
from recbench.explanation.findings import Findings, explain_records
from recbench.explanation.picture import draw, require_drawing
from recbench.explanation.states import StateScores, compare_states

__all__ = [
    "Explanation",
    "Findings",
    "StateScores",
    "compare_states",
    "draw",
    "explain_records",
    "explain_run",
    "require_drawing",
]
