"""What there is to see of several records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recbench.errors import UsageError
from recbench.explanation.explanation import Explanation, explain_run
from recbench.explanation.states import StateScores, compare_states
from recbench.folders import Folders
from recbench.progress import SILENT, Progress
from recbench.record import RunRecord
from recbench.recording import state_key
from recbench.task import COLD_START


@dataclass(frozen=True)
class Findings:
    """What records have to show.

    Attributes:
        explanations: The weights of each model that was kept.
        states: Scores of the cold-start runs by state; None if there is none.
    """

    explanations: tuple[Explanation, ...]
    states: StateScores | None


def explain_records(
    paths: Sequence[Path], folders: Folders, part: str, count: int, progress: Progress = SILENT
) -> Findings:
    """Return the weights of each run's model, and scores by state of those of cold start.

    The latter stand in the record: such a run need not have kept its model.

    Args:
        paths: Records.
        folders: Where data are.
        part: `test` or `valid`, the part that examples are taken from.
        count: How many examples.
        progress: Who is told how it goes.

    Raises:
        UsageError: If a record is given twice.
        RecbenchError: With what is missing, or differs from a record, and how to mend it.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("the same record is given twice; give each once")
    records = [RunRecord.load(path) for path in paths]
    cold = [record for record in records if record.task == COLD_START.name]
    states = compare_states(cold) if cold else None
    explanations = tuple(
        explain_run(path, folders, part, count, progress)
        for path, record in zip(paths, records, strict=True)
        if record.task != COLD_START.name or state_key(path) is not None
    )
    return Findings(explanations, states)
