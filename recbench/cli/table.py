"""A table on standard output: folded to the width of a terminal, elsewhere a line for each row."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 1 << 31
"""Columns of an output that is no terminal."""


def print_table(table: Table) -> None:
    """Print a table, its cells as they are; nothing is folded or cut unless on a terminal."""
    from rich.console import Console

    console = Console(markup=False, emoji=False)
    if not sys.stdout.isatty():
        console.width = UNLIMITED
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().removesuffix("\n").split("\n"):
        typer.echo(line.rstrip())
