"""`python -m benchmarks.peers`: measure our models beside those of public libraries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import higher, machine_name, measure_peak
from benchmarks.peers.case import CASES
from benchmarks.peers.markdown import figures
from benchmarks.peers.measurement import Measurement, measure
from benchmarks.record import record, write

FOLDER = Path("results/peers")


def main(
    peers: Annotated[
        Path,
        typer.Option(envvar="PEERS", help="Folder with a virtual environment for each library."),
    ],
    seconds: Annotated[float, typer.Option(help="For each contender, case and kind.")] = 6,
    only: Annotated[list[str], typer.Option(help="Cases to measure, or parts of names.")] = [],  # noqa: B006
    threads: Annotated[str, typer.Option(help="Numbers of threads, with commas between.")] = "2",
    output: Annotated[
        Path | None,
        typer.Option(help=f"File of the results; a whole run goes to {FOLDER}/<machine>.json."),
    ] = None,
) -> None:
    """Measure, print tables, and write the results of a whole run to a file."""
    load = os.getloadavg()[0]
    counts = [int(count) for count in threads.split(",")]
    peaks = [measure_peak(count) for count in counts]
    measurements: list[Measurement] = []
    for count in counts:
        for case in CASES:
            if not only or any(part in case.name for part in only):
                typer.echo(f"{case.title}, {count} threads", err=True)
                measurements.append(measure(case, count, seconds, peers))
    peaks = [higher(peak, measure_peak(peak.threads)) for peak in peaks]
    results = record(load, seconds, peaks, measurements)
    typer.echo("\n".join(figures(results)))
    for measurement in measurements:
        for name, reason in measurement.absent.items():
            typer.echo(f"{measurement.case}: {name} not measured: {reason}")
    if output is None and not only:
        output = FOLDER / f"{machine_name()}.json"
    if output is not None:
        write(results, output)


if __name__ == "__main__":
    typer.run(main)
