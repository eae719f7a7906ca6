"""A table as text: the columns, cells and notes that every output format shows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from recbench.leaderboard.table import CHANCE_AUC, Table
from recbench.metrics import Metric, metric_of
from recbench.metrics.statistics import FEWEST
from recbench.tuning.study import FOLDER

DASH = "—"
UNCOMMITTED = "*"
MIXED_CODE = "†"
MOST_SCORES = 6
"""Scores that one block of a table may show."""


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: The main text.
        detail: What may follow it, or stand below it where space is short.
        best: Whether it is the best of its column.
    """

    text: str
    detail: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        header: What the column shows.
        cells: A cell per row.
        numeric: Whether it holds numbers, which are set flush right.
        cost: Whether it tells what a result cost, not how good it is.
    """

    header: str
    cells: tuple[Cell, ...]
    numeric: bool = True
    cost: bool = False


def blocks(table: Table) -> list[list[Column]]:
    """Return the columns of a table, left to right, in one block or several.

    Where scores are many, a block of those over all groups is followed by one for each metric, with
    a column for each group.
    """
    rows, metrics = table.rows, table.group.metrics
    names = [
        Column("#", _cells(DASH if pd.isna(rank) else str(rank) for rank in rows["rank"])),
        Column("model", _model_cells(rows), numeric=False),
    ]
    own = [metric for metric in metrics if "/" in metric.name]
    if len(metrics) <= MOST_SCORES or not own:
        return [_whole(table, names, metrics)]
    whole = _whole(table, names, [metric for metric in metrics if metric not in own])
    kinds = dict.fromkeys(metric_of(metric.name) for metric in own)
    return [
        whole,
        *(
            names + [_score(rows, each) for each in own if metric_of(each.name) == kind]
            for kind in kinds
        ),
    ]


def _whole(table: Table, names: list[Column], metrics: Iterable[Metric]) -> list[Column]:
    """Return the columns that say who, how often, how good by `metrics`, and at what cost."""
    rows = table.rows
    shown = [*names, Column("seeds", _cells(map(str, rows["seeds"])))]
    if rows["trials"].any():
        shown.append(Column("trials", _cells(str(trials or DASH) for trials in rows["trials"])))
    for place, metric in enumerate(metrics):
        shown.append(_score(rows, metric))
        if not place and rows["low"].notna().any():
            shown.append(_interval(rows))
    if rows["auc_share"].notna().any():
        shown.append(Column("of attainable", _cells(map(_percent, rows["auc_share"]))))
    return [
        *shown,
        Column("parameters", _cells(map(_compact, rows["parameters"])), cost=True),
        Column("train s", _cells(map(_seconds, rows["train_seconds"])), cost=True),
        Column("samples/s", _cells(map(_compact, rows["samples_per_second"])), cost=True),
    ]


def notes(table: Table) -> list[str]:
    """Return what a reader must know to read the table right."""
    found = []
    if table.rows["auc_share"].notna().any():
        found.append(
            f"of attainable: (auc − {CHANCE_AUC}) / ({table.attainable_auc:.4f} − {CHANCE_AUC}); "
            "the latter is the auc of the true log odds, which no model is expected to pass"
        )
    if table.rows["low"].notna().any():
        found.append(
            "95 %: over test users and, where there are several seeds, trainings; models that "
            "cannot be told apart share a rank (paired, Holm's correction, 5 %)"
        )
        if (table.rows["seeds"] == 1).any():
            found.append("one seed: the chance in training is in neither intervals nor ranks")
    elif table.few_units:
        found.append(
            f"{table.group.metrics[0].name} rests in effect on fewer than {FEWEST} users or "
            "other units: nothing is said of chance, and models share a rank"
        )
    elif table.uncertain:
        found.append(f"ranks are those of the means, whatever chance is in them: {table.uncertain}")
    found += _tuning_notes(table.rows)
    if table.unread:
        found.append(f"a row may be of a tuned model and not show it: {table.unread}")
    if table.rows["uncommitted"].any():
        found.append(f"{UNCOMMITTED} made with uncommitted code: nobody else can run it again")
    if table.rows["mixed_code"].any():
        found.append(f"{MIXED_CODE} the model's code or recbench's version differs between seeds")
    if table.machines > 1:
        found.append(f"times and speeds come from {table.machines} different machines")
    return found


def _tuning_notes(rows: pd.DataFrame) -> list[str]:
    if not rows["trials"].any():
        return []
    found = [
        f"trials: settings tried by tuning, judged on the validation part ({FOLDER}/ has all of "
        f"them); {DASH} for settings as they were given"
    ]
    if rows["trials"].nunique() > 1:
        found.append("NOT TUNED ALIKE: only models of as many trials had the same budget")
    if common := sorted(set(rows["model"][rows["common_space"]])):
        found.append(f"tuned in the space common to models that declare none: {', '.join(common)}")
    return found


def _cells(texts: Iterable[str]) -> tuple[Cell, ...]:
    return tuple(map(Cell, texts))


def _model_cells(rows: pd.DataFrame) -> tuple[Cell, ...]:
    marks = rows["uncommitted"].map({True: UNCOMMITTED, False: ""}) + rows["mixed_code"].map(
        {True: MIXED_CODE, False: ""}
    )
    return tuple(
        Cell(model + mark, f"({config})" if config else "")
        for model, mark, config in zip(rows["model"], marks, rows["config"], strict=True)
    )


def _score(rows: pd.DataFrame, metric: Metric) -> Column:
    means, spreads = rows[f"{metric.name}_mean"], rows[f"{metric.name}_std"]
    best = means.max() if metric.higher_is_better else means.min()
    cells = tuple(
        Cell(_number(mean), f"± {_number(spread)}", best=len(rows) > 1 and mean == best)
        for mean, spread in zip(means, spreads, strict=True)
    )
    return Column(f"{metric.name} {'↑' if metric.higher_is_better else '↓'}", cells)


def _interval(rows: pd.DataFrame) -> Column:
    bounds = zip(rows["low"], rows["high"], strict=True)
    texts = (DASH if math.isnan(low) else f"{_number(low)}–{_number(high)}" for low, high in bounds)
    return Column("95 %", _cells(texts))


def _number(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.4f}"


def _percent(value: float) -> str:
    return DASH if math.isnan(value) else f"{100 * value:.1f} %"


def _seconds(value: float) -> str:
    if math.isnan(value):
        return DASH
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _compact(value: float) -> str:
    """Return a count with three significant digits."""
    if math.isnan(value):
        return DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:  # three digits round it up to the unit
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"
