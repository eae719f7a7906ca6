"""What `run` and `suite` share: make runs, say what failed, show the table."""

from __future__ import annotations

import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from recbench.config import RunConfig
    from recbench.folders import Folders
    from recbench.progress import Progress
    from recbench.suite.file import Suite
    from recbench.suite.limits import Limits
    from recbench.suite.published import Published
    from recbench.suite.runs import Cell
    from recbench.suite.settling import Settled

RunName = tuple[str, str, str]
"""A dataset, a model, and the hash of what was asked of it."""


@dataclass(frozen=True)
class Making:
    """How runs are made; each field is an option of the command line.

    Attributes:
        limits: What each may use.
        jobs: How many at a time.
        again: Whether those that were made before, too.
        failed: Whether only those that have failed before.
        dry_run: Whether to show them only.
        keep_model: Whether to keep trained models.
        in_process: Whether to make them in this process.
        as_json: Whether to print JSON.
    """

    limits: Limits
    jobs: int
    again: bool
    failed: bool
    dry_run: bool
    keep_model: bool
    in_process: bool
    as_json: bool


def make_and_show(
    configs: Sequence[RunConfig], folders: Folders, making: Making, suite: Suite | None = None
) -> None:
    """Make runs and print the table of those that have a record; exit with 1 if one failed.

    Of a suite the scores of its paper are printed too.
    """
    labels = _labels(configs)
    made = _make(configs, folders, making)
    with redirect_stdout(sys.stderr) if making.as_json else nullcontext():  # what models print
        cells = list(_told(made, labels))
    _show(cells, folders.results, suite, labels, as_json=making.as_json)
    if any(cell.error for cell in cells):
        raise typer.Exit(1)


def _labels(configs: Iterable[RunConfig]) -> dict[RunName, str]:
    """Return what tells the runs of one model on one dataset apart, as the tables have it."""
    from recbench.leaderboard.label import label_plain

    labels, known = {}, defaultdict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]](dict)
    for each in configs:
        known[each.data.dataset, each.data.protocol][each.model, each.hash] = each.plain()
    for (dataset, _), own in known.items():
        for (model, config_hash), label in label_plain(own).items():
            labels[dataset, model, config_hash] = label
    return labels


def _name(config: RunConfig) -> RunName:
    return config.data.dataset, config.model, config.hash


def _make(configs: Sequence[RunConfig], folders: Folders, making: Making) -> Iterator[Cell]:
    from recbench.cli.progress import progress
    from recbench.suite.runs import run_here, run_suite

    shown = progress()
    how = {"again": making.again, "keep_model": making.keep_model}
    if making.in_process and not (making.failed or making.dry_run):
        return run_here(configs, folders, shown, **how)
    runs = _chosen(configs, folders, making, shown)
    if making.in_process:
        return run_here([run.config for run in runs], folders, shown, **how)
    return run_suite(runs, folders, shown, limits=making.limits, jobs=making.jobs, **how)


def _chosen(
    configs: Sequence[RunConfig], folders: Folders, making: Making, shown: Progress
) -> list[Settled]:
    """Return the runs that are to be made; exit after they are shown if that is all."""
    from recbench.suite.ledger import state_of
    from recbench.suite.settling import settle_all

    runs = settle_all(configs, folders, shown, limits=making.limits, prepare=not making.dry_run)
    states = [state_of(run.config, run.order, folders.results) for run in runs]
    if making.failed:
        runs = [run for run, state in zip(runs, states, strict=True) if state == "failed"]
        states = ["failed"] * len(runs)
        if not runs:
            shown.note("none of these runs has failed; without --failed all are made")
    if making.dry_run:
        _show_states(runs, states, folders, _labels(configs), as_json=making.as_json)
        raise typer.Exit(0)
    return runs


def _told(cells: Iterator[Cell], labels: Mapping[RunName, str]) -> Iterator[Cell]:
    """Yield cells; say of each that failed why, and at the end how to make those again."""
    from recbench.order import title

    failed = []
    for cell in cells:
        yield cell
        if cell.error:
            failed.append(cell)
            where = f" (log: {cell.log})" if cell.log else ""
            failure = title(cell.config, labels[_name(cell.config)])
            typer.echo(f"FAILED {failure}: {cell.error}{where}", err=True)
    if failed:
        arguments = [each for each in sys.argv[1:] if each not in ("--failed", "--again")]
        again = shlex.join(["recbench", *arguments, "--failed"])
        count = f"{len(failed)} run{'s' * (len(failed) > 1)} failed"
        typer.echo(f"{count}; to make only what failed again:\n  {again}", err=True)


def _show(
    cells: list[Cell],
    results: Path,
    suite: Suite | None,
    labels: Mapping[RunName, str],
    *,
    as_json: bool,
) -> None:
    from recbench.leaderboard import render, tables
    from recbench.plain import finite
    from recbench.suite.published import published

    records = [cell.record for cell in cells if cell.record]
    papers = published(suite, cells) if suite else []
    if as_json:
        failed = [
            {
                "model": cell.config.model,
                "config": labels[_name(cell.config)],
                "dataset": cell.config.data.dataset,
                "seed": cell.config.seed,
                "error": cell.error,
                "log": cell.log and str(cell.log),
            }
            for cell in cells
            if cell.error
        ]
        found = {"records": [finite(asdict(record)) for record in records], "failed": failed}
        if suite:
            found["papers"] = [finite(asdict(each)) for each in papers]
        typer.echo(json.dumps(found))
    elif records:
        typer.echo(render(tables(records, root=results), "table"))
    if suite and papers and not as_json:
        _show_papers(suite, papers)


def _show_papers(suite: Suite, papers: Sequence[Published]) -> None:
    from rich.table import Table

    from recbench.cli.table import print_table
    from recbench.suite.published import CAUTION

    typer.echo(f"{suite.source.paper}: {suite.source.table}")
    names = ("dataset", "protocol", "model", "score", "paper", "ours", "seeds", "data")
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for each in papers:
        numbers = (f"{each.paper:.4f}", f"{each.ours:.4f}", str(each.seeds), each.data)
        table.add_row(each.dataset, each.protocol, each.model, each.score, *numbers)
    print_table(table)
    typer.echo(f"{CAUTION} {suite.source.note}".strip())


def _show_states(
    runs: Sequence[Settled],
    states: Sequence[str],
    folders: Folders,
    labels: Mapping[RunName, str],
    *,
    as_json: bool,
) -> None:
    from rich.table import Table

    from recbench.cli.table import print_table
    from recbench.suite.ledger import read_failure

    rows = []
    for run, state in zip(runs, states, strict=True):
        failure = read_failure(run.config, folders.results)
        config = run.config
        rows.append(
            {
                "model": config.model,
                "config": labels[_name(config)],
                "dataset": config.data.dataset,
                "protocol": config.data.protocol,
                "seed": str(config.seed),
                "state": state,
                "why": run.error or (failure.error if failure and state == "failed" else ""),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        if label := row.pop("config"):
            row["model"] += f" ({label})"
    shown = [name for name in rows[0] if any(row[name] for row in rows)]
    table = Table(*shown, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(row[name] for name in shown))
    print_table(table)
    count = ", ".join(f"{states.count(each)} {each}" for each in dict.fromkeys(states))
    typer.echo(f"{len(rows)} run{'s' * (len(rows) > 1)}: {count}")
