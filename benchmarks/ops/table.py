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
    megabytes,
    ratio,
    share,
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
            part = share(results, row)
            table.add_row(
                row["case"],
                _threads(row),
                row["direction"],
                *(_cell(row, name) for name in names),
                milliseconds(least),
                "" if part is None else f"{part:.0%}",
            )
        print_table(table)
        for name, reason in absent(rows):
            typer.echo(f"{name} not measured: {reason}")
        if any(row.get("memory") for row in rows):
            _print_memory(rows)
        typer.echo()


def _print_memory(rows: list[Row]) -> None:
    """Print the most of a GPU's memory that each contender held, in MB, its arguments left out."""
    names = contenders(rows)
    table = Table(title="memory, MB", title_justify="left", box=None, pad_edge=False)
    for heading in ("case", "pass", *names):
        table.add_column(heading)
    for row in rows:
        table.add_row(row["case"], row["direction"], *(megabytes(row, name) for name in names))
    print_table(table)


def _threads(row: Row) -> str:
    return "" if row["threads"] is None else str(row["threads"])


def _cell(row: Row, name: str) -> str:
    time = median(row, name)
    if time is None:
        return "-"
    times = ratio(row, name)
    text = milliseconds(time)
    return text if times is None or name == "native" else f"{text} ({times:.2f}x)"
