"""`recbench data import`: make a dataset of a user's own file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.datasets.imported import Survey

LOG, TABLE, PARTS, FILE = "Logs", "Tables", "Parts", "File"
"""Headings of the options in --help."""


def _column(text: str, panel: str = LOG) -> typer.models.OptionInfo:
    return typer.Option(help=text, metavar="COLUMN", rich_help_panel=panel)  # type: ignore[no-any-return]


def _listed(text: str, panel: str) -> typer.models.OptionInfo:
    return typer.Option(help=f"{text} Commas between.", rich_help_panel=panel)  # type: ignore[no-any-return]


def _of(panel: str, text: str) -> typer.models.OptionInfo:
    return typer.Option(help=text, rich_help_panel=panel)  # type: ignore[no-any-return]


def import_data(
    path: Annotated[Path, typer.Argument(help="CSV, TSV or the like, perhaps .gz; or Parquet.")],
    name: Annotated[str, typer.Option(help="What the dataset is to be called.")],
    user: Annotated[str, _column("Who.")] = "",
    item: Annotated[str, _column("What.")] = "",
    time: Annotated[str, _column("When.")] = "",
    session: Annotated[str, _column("Session: predict its next item.")] = "",
    category: Annotated[str, _column("Category of the item; may be one of --items.")] = "",
    label: Annotated[str, _column("0 or 1: whether the item was clicked.")] = "",
    behaviour: Annotated[str, _column("What the user did.")] = "",
    positive: Annotated[
        str, _listed("Values of --behaviour, or of --label, that are a click.", LOG)
    ] = "",
    users: Annotated[Path | None, _of(LOG, "File about users, with the column of --user.")] = None,
    items: Annotated[Path | None, _of(LOG, "File about items, with the column of --item.")] = None,
    time_unit: Annotated[
        str, _of(LOG, "auto, s, ms, us, ns, iso, order, or a format such as '%d/%m/%Y'.")
    ] = "auto",
    since: Annotated[
        str, _of(LOG, "Leave out rows before this moment; a date is its first second, UTC.")
    ] = "",
    until: Annotated[
        str, _of(LOG, "Leave out rows after this moment; a date is its first second, UTC.")
    ] = "",
    min_item_events: Annotated[int, _of(LOG, "Leave out items of fewer events.")] = 0,
    min_user_events: Annotated[int, _of(LOG, "Then users, or sessions, of fewer.")] = 0,
    labels: Annotated[str, _listed("Columns to predict of each row.", TABLE)] = "",
    numbers: Annotated[
        str, _listed("Columns that are numbers; others are categories.", TABLE)
    ] = "",
    leave_out: Annotated[str, _listed("Columns that are no inputs.", TABLE)] = "",
    valid: Annotated[float | None, _of(PARTS, "Share of validation; 0.1 if not given.")] = None,
    test: Annotated[float | None, _of(PARTS, "Share of test; 0.1 if not given.")] = None,
    valid_days: Annotated[float | None, _of(PARTS, "Days of validation, before test.")] = None,
    test_days: Annotated[float | None, _of(PARTS, "Days of test, the last ones.")] = None,
    utc_offset: Annotated[
        float, _of(PARTS, "Hours, such as 5.5: the time zone of calendar days.")
    ] = 0,
    task: Annotated[
        str, typer.Option(help="ctr, next-item or multi-task; as the columns say if not given.")
    ] = "",
    delimiter: Annotated[
        str, _of(FILE, "What separates values; the import finds out if not given.")
    ] = "",
    header: Annotated[
        bool, _of(FILE, "Whether the first line names the columns; if not, they are 1, 2, ...")
    ] = True,
    encoding: Annotated[str, _of(FILE, "utf-8, utf-16 or latin-1.")] = "utf-8",
    missing: Annotated[str, _listed("Texts that mean no value, besides the empty one.", FILE)] = "",
    max_rejected: Annotated[
        float, _of(FILE, "Share of rows that may be malformed or lack user, item or time.")
    ] = 0.001,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the files beside the card.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a card of that name.")] = False,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Make a dataset of your own file; afterwards it is like any other.

    Example: recbench data import events.csv --name shop --user u --item i --time t
    """
    from recbench.cli.progress import progress
    from recbench.datasets.imported import Wanted, import_rows
    from recbench.folders import Folders

    roles = {"user": user, "item": item, "time": time, "session": session, "category": category}
    roles |= {"behaviour": behaviour, "label": label}
    wanted = Wanted(
        path,
        name,
        shlex.join(["recbench", *sys.argv[1:]]),
        task,
        {role: column for role, column in roles.items() if column},
        users,
        items,
        _names("--positive", positive),
        _names("--missing", missing),
        _names("--labels", labels),
        _names("--numbers", numbers),
        _names("--leave-out", leave_out),
        time_unit,
        delimiter,
        header,
        encoding,
        valid,
        test,
        valid_days,
        test_days,
        utc_offset,
        _time_range(since, until),
        min_item_events,
        min_user_events,
        max_rejected,
    )
    folders = Folders.from_environment(data_dir, cache_dir)
    card, found = import_rows(wanted, folders, progress(), copy=copy, force=force)
    _print(name, card, found, data_dir)


def _names(option: str, text: str) -> list[str]:
    return options.names(option, text) if text else []


def _time_range(since: str, until: str) -> tuple[int, ...]:
    from recbench.datasets.imported.times import parse_moment

    if not (since or until):
        return ()
    first = parse_moment("--since", since) if since else 0
    return first, parse_moment("--until", until) if until else 1 << 62


def _print(name: str, card: Path, found: Survey, data_dir: Path | None) -> None:
    from rich.table import Table

    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column()
    for about, said in {"dataset": name, **found.facts, "card": str(card)}.items():
        facts.add_row(about, said)
    print_table(facts)
    typer.echo("")
    head = Table(*found.head[0], box=None, header_style="bold", pad_edge=False)
    for row in found.head[1:]:
        head.add_row(*row)
    print_table(head)
    where = ["--data-dir", str(data_dir)] if data_dir else []
    command = ["recbench", "run", "--models", found.models, "--dataset", name, *where]
    typer.echo(f"\nnext: {shlex.join(command)}")
