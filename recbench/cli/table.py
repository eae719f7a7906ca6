"""A table on standard output: folded to the width of a terminal, elsewhere a line for each row."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNLIMITED = 1 << 31
"""Columns of an output that is no terminal."""


def print_table(table: Table) -> None:
    """Print a table, its cells as they are; nothing is cut, nor folded unless on a terminal."""
    console = _console()
    for column in table.columns:
        column.overflow = "fold"
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().removesuffix("\n").split("\n"):
        typer.echo(line.rstrip())


def fits(table: Table) -> bool:
    """Return whether every row of a table has room on one line of standard output."""
    console = _console()
    unlimited = console.options.update(max_width=UNLIMITED)
    return console.measure(table, options=unlimited).maximum <= console.width


def _console() -> Console:
    from rich.console import Console

    console = Console(markup=False, emoji=False)
    if not sys.stdout.isatty():
        console.width = UNLIMITED
    return console
