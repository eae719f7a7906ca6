"""`recbench list`: what can be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.data import Card

ORIGIN = ("distribution", "version")
"""Columns of datasets that are in the JSON alone, so that a row fits on a screen."""


def list_plugins(
    what: Annotated[str, typer.Argument(help="models, datasets or metrics.")] = "models",
    as_json: options.Json = False,
) -> None:
    """List models, datasets or metrics."""
    options.one_of("list", what, ("models", "datasets", "metrics"))
    rows = {"models": _models, "datasets": _datasets, "metrics": _metrics}[what]()
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.table import Table

    shown = [name for name in rows[0] if what != "datasets" or name not in ORIGIN]
    table = Table(*shown, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row[name]) for name in shown))
    print_table(table)


def _text(value: Any) -> str:
    """Return a cell of the table; settings stand in it as `--set` takes them."""
    if isinstance(value, dict):
        return " ".join(f"{name}={entry}" for name, entry in value.items())
    return str(value)


def _models() -> list[dict[str, Any]]:
    from recbench.errors import PluginError
    from recbench.plugins import discover, load_model

    rows = []
    for plugin in discover("model"):
        settings: dict[str, Any] = {}
        try:
            kind = load_model(plugin)
            task, settings = kind.task.name, dict(kind.training_settings)
        except PluginError as error:
            task = f"broken: {error}"
        rows.append(
            {
                "model": plugin.name,
                "task": task,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "training": settings,
            }
        )
    return rows


def _datasets() -> list[dict[str, Any]]:
    from recbench.errors import DataError, PluginError
    from recbench.folders import Folders
    from recbench.plugins import discover, imported, load_dataset

    folders = Folders.from_environment()
    folder = folders.raw
    rows = []
    for plugin in (*discover("dataset"), *imported(folders)):
        row = dict.fromkeys(("dataset", "task", "protocols", "files", "source"), "")
        row["dataset"] = plugin.name
        try:
            card = load_dataset(plugin).card
            row |= {"task": card.task, "protocols": ", ".join(card.protocols)}
            row["source"] = _source(card)
            row["files"] = _presence(card, folder)
        except (DataError, PluginError) as error:
            row["files"] = f"broken: {error}"
        rows.append(row | {"distribution": plugin.distribution, "version": plugin.version})
    return rows


def _source(card: Card) -> str:
    """Return how the files are to be had."""
    if not card.files:
        return "none needed"
    if card.paths:
        return "your own"
    return "download" if card.downloads else "by hand"


def _presence(card: Card, folder: Path) -> str:
    """Return whether a dataset's files are here, for which protocols if not for the default one."""
    from recbench.data import locate
    from recbench.errors import DataError

    if not card.files:
        return "simulator"
    present, incomplete = [], None
    for protocol in card.protocols:
        try:
            present += [protocol] if locate(card, folder, protocol) else []
        except DataError as error:
            incomplete = error
    if incomplete and not present:
        raise incomplete
    there = "here" if card.default_protocol in present else "missing"
    if present and there == "missing":
        there = f"here for {', '.join(present)}"
    return f"{there} (simulator)" if card.simulated_sizes else there


def _metrics() -> list[dict[str, Any]]:
    from recbench.metrics import METRICS

    return [
        {
            "metric": metric.name,
            "version": metric.version,
            "better": "higher" if metric.higher_is_better else "lower",
            "meaning": metric.meaning,
        }
        for metric in METRICS.values()
    ]
