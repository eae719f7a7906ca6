"""`recbench ops`: which implementation each operator uses here, and why."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table


def operators(
    bench: Annotated[
        bool, typer.Option("--bench", help="Time the native kernels against their references.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="Seconds for each measurement of --bench.")
    ] = 0.5,
    device: Annotated[str, typer.Option(help="Device to ask about.")] = "cpu",
    as_json: options.Json = False,
) -> None:
    """Show which implementation each operator uses here and why."""
    rows = _timings(seconds) if bench else _implementations(device)
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.table import Table

    table = Table(*rows[0], box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(str, row.values()))
    print_table(table)


def _implementations(device: str) -> list[dict[str, Any]]:
    import torch

    from recbench.errors import UsageError
    from recbench.ops import OPERATORS, dispatch

    try:
        where = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device '{device}': torch knows no such device; try cpu") from error
    return [
        {
            "operator": operator.name,
            "runs": dispatch.implementation(operator.name, where),
            "computes": (operator.function.__doc__ or "").splitlines()[0],
        }
        for operator in OPERATORS
    ]


def _timings(seconds: float) -> list[dict[str, Any]]:
    import torch

    from recbench.errors import UsageError
    from recbench.ops import OPERATORS, native
    from recbench.ops.timing import compare

    if not native.LOADED:
        raise UsageError(f"--bench: there are no native kernels to time here: {native.REFUSAL}")
    return [
        {
            "operator": operator.name,
            "case": case.name,
            "pass": timing.direction,
            "native ms": f"{1e3 * timing.native:.3g}",
            "reference ms": f"{1e3 * timing.reference:.3g}",
            "ratio": f"{timing.reference / timing.native:.2f}",
        }
        for operator in OPERATORS
        for case in operator.benchmarks(torch.device("cpu"))
        for timing in compare(operator, case, seconds)
    ]
