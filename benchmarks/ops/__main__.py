"""`python -m benchmarks.ops`: measure every operator against other ways to compute it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.machine import higher, machine_name, measure_peak
from benchmarks.ops.measurement import Measurement, Plan, measure
from benchmarks.ops.table import print_tables
from benchmarks.record import record, write
from recbench.ops import OPERATORS

FOLDER = Path("results/ops")


def main(
    seconds: Annotated[float, typer.Option(help="For each contender and case.")] = 1.5,
    only: Annotated[
        list[str], typer.Option(help="Operators, or parts of 'operator: case', to measure.")
    ] = [],  # noqa: B006 # typer reads it once
    without: Annotated[list[str], typer.Option(help="Contenders to leave out.")] = [],  # noqa: B006
    threads: Annotated[str, typer.Option(help="Numbers of threads, with commas between.")] = "1,2",
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
    plan = Plan(
        seconds, [int(count) for count in threads.split(",")], without, onednn, compile_loops
    )
    load = os.getloadavg()[0]
    peaks = [measure_peak(count) for count in plan.threads]
    measurements: list[Measurement] = []
    for operator in OPERATORS:
        for case in operator.benchmarks(torch.device("cpu")):
            name = f"{operator.name}: {case.name}"
            if only and not any(part in name for part in only):
                continue
            typer.echo(name, err=True)
            measurements.extend(measure(operator, case, plan))
    peaks = [higher(peak, measure_peak(peak.threads)) for peak in peaks]
    results = record(load, seconds, peaks, measurements)
    print_tables(results)
    if output is None and not only and not without:
        output = FOLDER / f"{machine_name()}.json"
    if output is not None:
        write(results, output)


if __name__ == "__main__":
    typer.run(main)
