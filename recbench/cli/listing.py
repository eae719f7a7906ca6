"""`recbench list`: what can be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table

ORIGIN = ("distribution", "version", "origin")
"""Columns of datasets that are in the JSON alone, so that a row fits on a screen."""


def list_plugins(
    what: Annotated[str, typer.Argument(help="models, datasets or metrics.")] = "models",
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Only these; models are then imported, which shows more of them."),
    ] = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """List models, datasets or metrics, and of models and datasets the broken ones with the reason.

    A model is imported only if it is named; the tasks of the others are read from their source.
    """
    options.one_of("list", what, ("models", "datasets", "metrics"))
    if data_dir and what != "datasets":
        raise typer.BadParameter("--data-dir is of datasets; `recbench list datasets`")
    rows = {
        "models": lambda: _models(names or []),
        "datasets": lambda: _datasets(names or [], data_dir),
        "metrics": lambda: _metrics(names or []),
    }[what]()
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.table import Table

    hidden = {name for name in rows[0] if all(row[name] in ("", None, {}) for row in rows)}
    hidden |= set(ORIGIN) if what == "datasets" else set()
    shown = [name for name in rows[0] if name not in hidden]
    table = Table(*shown, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_text(name, row[name]) for name in shown))
    print_table(table)


def _text(column: str, value: Any) -> str:
    """Return a cell of the table; settings stand in it as `--set` takes them."""
    if column == "missing":
        return _missing(value)
    if isinstance(value, dict):
        return " ".join(f"{name}={entry}" for name, entry in value.items())
    return str(value)


def _missing(files: dict[str, tuple[str, ...]]) -> str:
    """Return the files that protocols lack, those that lack the same together."""
    protocols: dict[tuple[str, ...], list[str]] = {}
    for protocol, names in files.items():
        protocols.setdefault(names, []).append(protocol)
    told = (f"{', '.join(alike)}: {', '.join(names)}" for names, alike in protocols.items())
    return "; ".join(told)


def _models(names: list[str]) -> list[dict[str, Any]]:
    from recbench.catalogue.models import models

    return [vars(entry) for entry in models(names)]


def _datasets(names: list[str], data_dir: Path | None) -> list[dict[str, Any]]:
    from recbench.catalogue.datasets import datasets
    from recbench.folders import Folders

    return [vars(entry) for entry in datasets(Folders.from_environment(data_dir), names)]


def _metrics(names: list[str]) -> list[dict[str, Any]]:
    from recbench.metrics import METRICS

    for name in names:
        options.one_of("list metrics", name, tuple(METRICS))
    return [
        {
            "metric": metric.name,
            "version": metric.version,
            "better": "higher" if metric.higher_is_better else "lower",
            "meaning": metric.meaning,
        }
        for metric in METRICS.values()
        if metric.name in names or not names
    ]
