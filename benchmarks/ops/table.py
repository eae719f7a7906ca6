"""The results as tables on standard output."""

from __future__ import annotations

import typer
from rich.table import Table

from benchmarks.figures import milliseconds
from benchmarks.ops.results import (
    Results,
    Row,
    absent,
    by_operator,
    contenders,
    floor,
    median,
    ratio,
)
from recbench.cli.table import print_table


def print_tables(results: Results) -> None:
    """Print a table for each operator: milliseconds, and their ratio to the native kernel's."""
    for operator, rows in by_operator(results):
        names = contenders(rows)
        table = Table(title=operator, title_justify="left", box=None, pad_edge=False)
        for heading in ("case", "threads", "pass"):
            table.add_column(heading)
        for name in (*names, "floor", "share"):
            table.add_column(name, justify="right")
        for row in rows:
            least = floor(results, row)
            native = median(row, "native")
            table.add_row(
                row["case"],
                str(row["threads"]),
                row["direction"],
                *(_cell(row, name) for name in names),
                milliseconds(least),
                f"{least / native:.0%}" if native else "",
            )
        print_table(table)
        for name, reason in absent(rows):
            typer.echo(f"{name} not measured: {reason}")
        typer.echo()


def _cell(row: Row, name: str) -> str:
    time = median(row, name)
    if time is None:
        return "-"
    times = ratio(row, name)
    text = milliseconds(time)
    return text if times is None or name == "native" else f"{text} ({times:.2f}x)"
