"""What every results file says besides its measurements."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from benchmarks.card import CardPeak
from benchmarks.machine import Peak
from recbench.ops import native
from recbench.provenance import environment, git_state


def record(
    load: float,
    seconds: float,
    peaks: Sequence[Peak | CardPeak],
    measurements: Sequence[Any],
    device: str = "cpu",
) -> dict[str, Any]:
    """Return the results as the file holds them.

    Args:
        load: How many processes wanted to run before the benchmark began.
        seconds: How long each contender was measured.
        peaks: What the machine reaches.
        measurements: Dataclasses, one for each row.
        device: What was measured.
    """
    results = {
        "format": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": asdict(environment(device)),
        "code": asdict(state) if (state := git_state()) else None,
        "cores": os.cpu_count(),
        "load": load,
        "isa": native.ISA or native.REFUSAL,
        "seconds": seconds,
        "peaks": [asdict(peak) for peak in peaks],
        "measurements": [asdict(measurement) for measurement in measurements],
    }
    written: dict[str, Any] = json.loads(json.dumps(results))
    return written


def write(results: dict[str, Any], output: Path) -> None:
    """Write the results to a file and say so."""
    write_part(results, output)
    part_of(output).rename(output)
    typer.echo(f"written to {output}", err=True)


def write_part(results: dict[str, Any], output: Path) -> None:
    """Write what there is so far beside the file that the results will have."""
    output.parent.mkdir(parents=True, exist_ok=True)
    part_of(output).write_text(json.dumps(results, indent=1) + "\n")


def part_of(output: Path) -> Path:
    """Return where results are until they are whole."""
    return output.with_name(f"{output.name}.part")
