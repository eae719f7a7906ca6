"""Reading every record of a results folder."""

from __future__ import annotations

from pathlib import Path

from recbench.errors import RecbenchError
from recbench.metrics import METRICS, metric_of
from recbench.record import RunRecord


def load_records(root: Path) -> tuple[list[RunRecord], list[str]]:
    """Return the records below a results folder, and what is wrong with those that are bad.

    Args:
        root: The folder that `RunRecord.save` was given; one that does not exist has no records.
    """
    records, problems = [], []
    for path in sorted(root.glob("*-v*/*/*/*.json")):
        try:
            record = RunRecord.load(path)
            place = record.path(root)
        except RecbenchError as error:
            problems.append(str(error))
            continue
        if path != place:
            problems.append(f"{path}: its place is {place}; move it there, or delete it")
            continue
        if unknown := sorted(set(map(metric_of, record.metric_versions)) - METRICS.keys()):
            problems.append(f"{path}: metric '{unknown[0]}' is not known here; upgrade recbench")
            continue
        records.append(record)
    return records, problems
