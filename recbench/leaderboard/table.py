"""Records into tables: who may stand in one table, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Literal

import numpy as np
import pandas as pd

from recbench.errors import unknown_name
from recbench.leaderboard.label import label_configs
from recbench.metrics import METRICS, Metric, metric_of
from recbench.plain import digest
from recbench.record import RunRecord

CHANCE_AUC = 0.5


@dataclass(frozen=True)
class Group:
    """What results must have in common to be compared.

    Attributes:
        dataset: The dataset's name.
        version: The version of its card.
        protocol: How it was split.
        source: Whether the raw files are real or simulated.
        size: The size of a simulated dataset.
        limit: How many rows preparation was limited to.
        caution: What the protocol says beside every score; empty if nothing.
        split: Digest of the fingerprints of the three parts.
        metric_versions: Name and version of each metric, the ranking one first.
    """

    dataset: str
    version: int
    protocol: str
    source: Literal["real", "simulated"]
    size: str | None
    limit: int | None
    caution: str
    split: str
    metric_versions: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, record: RunRecord) -> Group:
        """Return the group of a record; raise `UsageError` if a metric of it is not known."""
        order = {name: place for place, name in enumerate(METRICS)}
        for name in map(metric_of, record.metric_versions):
            if name not in order:
                raise unknown_name("metric", name, METRICS)
        data = record.dataset
        return cls(
            dataset=data.name,
            version=data.version,
            protocol=data.protocol,
            source=data.source,
            size=data.size,
            limit=data.limit,
            caution=data.leakage.get("caution", ""),
            split=digest(asdict(data.fingerprints)),
            metric_versions=tuple(
                sorted(
                    record.metric_versions.items(),
                    key=lambda entry: (order[metric_of(entry[0])], entry[0]),
                )
            ),
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the group; the first one ranks."""
        return tuple(
            replace(METRICS[metric_of(name)], name=name) for name, _ in self.metric_versions
        )

    @property
    def title(self) -> str:
        """Name the data, and say aloud what keeps the scores from being real results."""
        source = "real data"
        if self.source == "simulated":
            source = f"SIMULATED data, size {self.size}" if self.size else "SIMULATED data"
        limit = "" if self.limit is None else f" · LIMITED to {self.limit:,} rows, not comparable"
        caution = f" · CAUTION: {self.caution}" if self.caution else ""
        return f"{self.dataset} v{self.version} · {self.protocol} · {source}{limit}{caution}"

    @property
    def caption(self) -> str:
        """Name the exact split and metrics."""
        versions = {metric_of(name): version for name, version in self.metric_versions}
        metrics = ", ".join(f"{name} v{version}" for name, version in versions.items())
        return f"split {self.split[:12]} · {metrics} · mean ± standard deviation over seeds"

    def sort_key(self) -> tuple[object, ...]:
        """Order groups: real data first, then simulated, then whatever was limited."""
        return (
            self.limit is not None,
            self.source != "real",
            self.dataset,
            -self.version,
            self.protocol,
            self.size or "",
            self.limit or 0,
            self.caution,
            self.split,
            self.metric_versions,
        )


@dataclass(frozen=True)
class Table:
    """The results of one group, best first.

    Attributes:
        group: What all rows have in common.
        rows: A row per model and configuration. Columns: rank, model, config, seeds (how many);
            for each metric `<metric>_mean` and `<metric>_std` (nan for one seed); `auc_share`, the
            part of the AUC above chance that can be attained, nan if unknown; parameters,
            train_seconds and samples_per_second, means over seeds; uncommitted and mixed_code,
            whether a run used code that git does not hold, and whether code differs between seeds.
        attainable_auc: The AUC that no model is expected to pass; None if unknown.
        machines: On how many different machines the runs were made.
    """

    group: Group
    rows: pd.DataFrame
    attainable_auc: float | None
    machines: int


def tables(records: Iterable[RunRecord], dataset: str | None = None) -> list[Table]:
    """Return a table for each group of comparable records; no two groups are ever mixed.

    Args:
        records: Runs of any kind.
        dataset: Keep only the records of this dataset; None for all.

    Raises:
        UsageError: If a record holds a metric that is not known here.
    """
    chosen = [record for record in records if dataset in (None, record.dataset.name)]
    chosen.sort(key=lambda record: Group.of(record).sort_key())
    return [_table(group, list(runs)) for group, runs in groupby(chosen, key=Group.of)]


def _table(group: Group, runs: Sequence[RunRecord]) -> Table:
    labels = label_configs(runs)
    known = (run.dataset.attainable for run in runs)
    attainable = next((scores["auc"] for scores in known if scores and "auc" in scores), None)
    identity = attrgetter("model.name", "config_hash")
    rows = [
        {
            "model": model,
            "config": labels[model, config_hash],
            **_row(group, list(seeds), attainable),
        }
        for (model, config_hash), seeds in groupby(sorted(runs, key=identity), key=identity)
    ]
    environments = (run.environment for run in runs)
    machines = {(machine.cpu, machine.threads, machine.device) for machine in environments}
    return Table(group, _ranked(group, pd.DataFrame(rows)), attainable, len(machines))


def _row(group: Group, runs: Sequence[RunRecord], attainable: float | None) -> dict[str, object]:
    """Return what the seeds of one model and configuration have achieved and cost."""
    row: dict[str, object] = {"seeds": len({run.seed for run in runs})}
    for metric in group.metrics:
        scores = np.array([run.scores.get(metric.name, np.nan) for run in runs])
        row[f"{metric.name}_mean"] = scores.mean()
        row[f"{metric.name}_std"] = scores.std(ddof=1) if len(scores) > 1 else np.nan
    auc = np.mean([run.scores.get("auc", np.nan) for run in runs])
    room = attainable - CHANCE_AUC if attainable is not None and attainable > CHANCE_AUC else np.nan
    speeds = [run.train_samples_per_second for run in runs if run.train_samples_per_second]
    return row | {
        "auc_share": (auc - CHANCE_AUC) / room,
        "parameters": runs[0].parameters,
        "train_seconds": np.mean([run.seconds.train for run in runs]),
        "samples_per_second": np.mean(speeds) if speeds else np.nan,
        "uncommitted": any(run.git is not None and run.git.dirty for run in runs),
        "mixed_code": len({(run.model.hash, run.environment.recbench) for run in runs}) > 1,
    }


def _ranked(group: Group, rows: pd.DataFrame) -> pd.DataFrame:
    """Sort by the ranking metric; equal scores share a rank, undefined ones have none."""
    primary = group.metrics[0]
    column = f"{primary.name}_mean"
    ascending = not primary.higher_is_better
    rows = rows.sort_values(
        [column, "model", "config"], ascending=[ascending, True, True], ignore_index=True
    )
    ranks = rows[column].rank(method="min", ascending=ascending)
    rows.insert(0, "rank", ranks.astype("Int64"))
    return rows
