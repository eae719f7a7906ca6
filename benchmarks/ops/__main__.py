"""`python -m benchmarks.ops`: measure every operator against other ways to compute it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ops.measurement import Measurement, measure
from benchmarks.ops.peaks import higher_peaks, measure_peaks, name_of
from benchmarks.ops.plan import Plan, measured_device
from benchmarks.ops.table import print_tables
from benchmarks.record import record, write, write_part
from recbench.errors import UsageError
from recbench.ops import OPERATORS

FOLDER = Path("results/ops")


def main(
    context: typer.Context,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    seconds: Annotated[float, typer.Option(help="For each contender and case.")] = 1.5,
    only: Annotated[
        list[str], typer.Option(help="Operators, or parts of 'operator: case', to measure.")
    ] = [],  # noqa: B006 # typer reads it once
    without: Annotated[list[str], typer.Option(help="Contenders to leave out.")] = [],  # noqa: B006
    threads: Annotated[
        str, typer.Option(help="Numbers of threads of the CPU, with commas between.")
    ] = "1,2",
    onednn: Annotated[
        Path | None,
        typer.Option(envvar="ONEDNN_ROOT", help="Folder with oneDNN's include and lib."),
    ] = None,
    compile_loops: Annotated[
        bool, typer.Option("--compile-loops", help="Compile the AUGRU's reference too.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(help=f"File of the results; a whole run goes to {FOLDER}/<machine>.json."),
    ] = None,
) -> None:
    """Measure, print tables, and write the results of a whole run to a file."""
    given = [f"--{option}" for option in ("threads", "onednn") if _on_command_line(context, option)]
    try:
        place = measured_device(device, given)
    except UsageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    counts = [int(count) for count in threads.split(",")] if place.type == "cpu" else []
    plan = Plan(seconds, place, counts, without, onednn, compile_loops)
    if output is None and not only and not without:
        output = FOLDER / f"{name_of(plan.device)}.json"
    load = os.getloadavg()[0]
    peaks = measure_peaks(plan)
    measurements: list[Measurement] = []
    for operator in OPERATORS:
        for case in operator.benchmarks(plan.device):
            name = f"{operator.name}: {case.name}"
            if only and not any(part in name for part in only):
                continue
            typer.echo(name, err=True)
            measurements.extend(measure(operator, case, plan))
            if output is not None:
                write_part(record(load, seconds, peaks, measurements, str(plan.device)), output)
    peaks = higher_peaks(peaks, measure_peaks(plan))
    results = record(load, seconds, peaks, measurements, str(plan.device))
    print_tables(results)
    if output is not None:
        write(results, output)


def _on_command_line(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


if __name__ == "__main__":
    typer.run(main)
