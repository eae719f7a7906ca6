"""Records into tables: who may stand in one table, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from recbench.errors import RecbenchError
from recbench.leaderboard.comparison import bands, contenders
from recbench.leaderboard.group import Group
from recbench.leaderboard.label import label_configs
from recbench.metrics.statistics import Interval
from recbench.record import RunRecord
from recbench.tuning.study import Studies, Study, load_studies, split_folder

CHANCE_AUC = 0.5


@dataclass(frozen=True)
class Table:
    """The results of one group, best first.

    Attributes:
        group: What all rows have in common.
        rows: A row per model and configuration. Columns: rank, model, config, seeds (how many);
            for each metric `<metric>_mean` and `<metric>_std` (nan for one seed); low and high, the
            95 % interval of the first metric, nan if unknown; `auc_share`, the
            part of the AUC above chance that can be attained, nan if unknown; parameters,
            train_seconds and samples_per_second, means over seeds; uncommitted and mixed_code,
            whether a run used code that git does not hold, and whether code differs between seeds;
            trials, how many settings tuning has tried to find this one, 0 if it was not tuned; and
            common_space, whether they were of the space of models that declare none.
        attainable_auc: The AUC that no model is expected to pass; None if unknown.
        machines: On how many different machines the runs were made.
        uncertain: Why there are no intervals and models do not share ranks; empty if they may.
        few_units: Whether the first metric rests on too few units for intervals, so that all models
            share a rank.
        unread: Which studies are damaged, so that a row may have been tuned and not show it; empty
            if none is.
    """

    group: Group
    rows: pd.DataFrame
    attainable_auc: float | None
    machines: int
    uncertain: str = ""
    few_units: bool = False
    unread: str = ""

    def require_sound(self) -> None:
        """Make sure that predictions have the scores shown, and that what tuning tried is known.

        Raises:
            RecbenchError: If they have not, or it is not.
        """
        if self.uncertain:
            raise RecbenchError(f"{self.group.title} cannot be ranked: {self.uncertain}")
        if self.unread:
            raise RecbenchError(f"{self.group.title}: {self.unread}")


def tables(
    records: Iterable[RunRecord], dataset: str | None = None, root: Path | None = None
) -> list[Table]:
    """Return a table for each group of comparable records; no two groups are ever mixed.

    Args:
        records: Runs of any kind.
        dataset: Keep only the records of this dataset; None for all.
        root: The results folder, where predictions are, by which models are ranked: those that
            cannot be told apart share a rank. Without it means alone decide. What tuning has tried
            is there too.

    Raises:
        UsageError: If a record holds a metric that is not known here.
    """
    chosen = [record for record in records if dataset in (None, record.dataset.name)]
    chosen.sort(key=lambda record: Group.of(record).sort_key())
    studies, damaged = load_studies(root) if root else ({}, {})
    found = []
    for group, runs in groupby(chosen, key=Group.of):
        made = _table(group, list(runs), root, studies)
        if root and damaged:
            own = split_folder(root, group.dataset, group.version, group.protocol)
            unread = [why for path, why in damaged.items() if path.is_relative_to(own)]
            made = replace(made, unread="; ".join(unread))
        found.append(made)
    return found


def _table(group: Group, runs: Sequence[RunRecord], root: Path | None, studies: Studies) -> Table:
    labels = label_configs(runs)
    known = (run.dataset.attainable for run in runs)
    attainable = next((scores["auc"] for scores in known if scores and "auc" in scores), None)
    identity = attrgetter("model.name", "config_hash")
    found, uncertain = {}, ""
    if root is not None:
        try:
            found, uncertain = bands(contenders(runs, root, labels), group), ""
        except RecbenchError as error:
            uncertain = str(error)
    rows = [
        {
            "model": model,
            "config": labels[model, config_hash],
            **_row(group, list(seeds), attainable),
            **_band(found.get((model, config_hash))),
            **_tuning(studies.get((model, config_hash))),
        }
        for (model, config_hash), seeds in groupby(sorted(runs, key=identity), key=identity)
    ]
    environments = (run.environment for run in runs)
    machines = {(machine.cpu, machine.threads, machine.device) for machine in environments}
    ranked = _ranked(group, pd.DataFrame(rows))
    few = bool(found) and all(np.isnan(interval.low) for _, interval in found.values())
    return Table(group, ranked, attainable, len(machines), uncertain, few)


def _band(found: tuple[int, Interval] | None) -> dict[str, object]:
    """Return a model's rank, if predictions tell it, and the interval of its first score."""
    if found is None:
        return {"rank": None, "low": np.nan, "high": np.nan}
    rank, interval = found
    return {"rank": rank, "low": interval.low, "high": interval.high}


def _tuning(study: Study | None) -> dict[str, object]:
    """Return by how many trials a setting was found, and whether they were of the common space."""
    if study is None:
        return {"trials": 0, "common_space": False}
    return {"trials": study.budget, "common_space": study.common}


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
    """Sort by the ranking metric; undefined scores have no rank.

    Without ranks from predictions, equal scores alone share one.
    """
    primary = group.metrics[0]
    column = f"{primary.name}_mean"
    ascending = not primary.higher_is_better
    rows = rows.sort_values(
        [column, "model", "config"], ascending=[ascending, True, True], ignore_index=True
    )
    alone = rows[column].rank(method="min", ascending=ascending)
    ranks = rows.pop("rank")
    rows.insert(0, "rank", (alone if ranks.isna().all() else ranks).astype("Int64"))
    rows.loc[rows[column].isna(), "rank"] = pd.NA
    return rows
