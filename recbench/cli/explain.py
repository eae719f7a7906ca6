"""`recbench explain`: what is inside trained models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.explanation import Findings


def explain(
    records: Annotated[
        list[Path],
        typer.Argument(help="Records of runs made with --keep-model.", metavar="RECORD.json"),
    ],
    examples: Annotated[int, typer.Option(min=1, help="How many examples to look at.")] = 1000,
    part: Annotated[str, typer.Option(help="Part that examples are of: test or valid.")] = "test",
    output: Annotated[
        Path | None, typer.Option(help="Also draw it, to a file ending in .svg, .png or .pdf.")
    ] = None,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Show the weights of trained models: experts by task, attention, warm-up curves.

    Records of cold start are compared state by state, and need no kept model.
    """
    from recbench.cli.progress import progress
    from recbench.explanation import draw, explain_records, require_drawing
    from recbench.folders import Folders

    options.one_of("--part", part, ("test", "valid"))
    if output:
        require_drawing(output)
    folders = Folders.from_environment(data_dir, cache_dir)
    findings = explain_records(records, folders, part, examples, progress())
    if output:
        draw(findings, output)
        typer.echo(f"drawn to {output}", err=True)
    _show(findings, as_json=as_json)


def _show(findings: Findings, *, as_json: bool) -> None:
    from recbench.explanation.plain import explanation_plain, states_plain
    from recbench.explanation.text import explanation_sections, state_sections

    if as_json:
        states = states_plain(findings.states) if findings.states else None
        models = [explanation_plain(each) for each in findings.explanations]
        typer.echo(json.dumps({"models": models, "states": states}))
        return
    sections = [section for each in findings.explanations for section in explanation_sections(each)]
    sections += state_sections(findings.states) if findings.states else []
    for place, (title, table) in enumerate(sections):
        if place:
            typer.echo()
        typer.echo(title)
        if table is not None:
            print_table(table)
