"""`python -m benchmarks.gpu`: everything that only a machine with a GPU can tell, in one command.

What is worth most comes first, and each step runs in a process of its own: neither a kernel that
fails nor the end of the time takes the others' results along.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, TextIO

import torch
import typer

from benchmarks.card import card_name
from recbench.ops import OPERATORS, native

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Step:
    """A command, what Python is to run, and what it is about."""

    about: str
    arguments: Sequence[str]


def steps(folder: Path, card: str) -> list[Step]:
    """Return all steps; what they write beside what they print goes into the folder."""
    names = [operator.name for operator in OPERATORS]
    pytest = ["-m", "pytest", "-q", "-rfEs", "--tb=short", "-W", "default"]  # warnings can wait
    tests, operators = [*pytest, "-m", "cuda"], [*pytest, "-m", "cuda", "tests/ops", "-k"]
    models = [*pytest, "benchmarks/test_models.py", "-k", "on_a_gpu", "--benchmark-only"]
    speed = ["-m", "benchmarks.ops", "--device=cuda", f"--output={folder / card}.json"]
    return [
        *(Step(f"tests of {name}", [*operators, name]) for name in names),
        Step("other tests of operators", [*operators, " and ".join(f"not {n}" for n in names)]),
        Step("speed of operators", [*speed, "--seconds=0.3", "--without=compiled"]),
        Step("tests of the harness", [*tests, "tests", "--ignore=tests/ops"]),
        Step("speed of models", [*models, f"--benchmark-json={folder / 'models.json'}"]),
        Step("speed of operators beside torch.compile", speed),
    ]


def run(step: Step, seconds: float, log: TextIO) -> str:
    """Run a step, end it with all that it has started when time is up, and say how it went."""
    if seconds <= 0:
        return "left out, for want of time"
    command = [sys.executable, *step.arguments]
    begin = monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"broken off after {seconds:.0f} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return f"{'done' if not status else f'FAILED ({status})'} in {monotonic() - begin:.0f} s"


def run_all(planned: Sequence[Step], folder: Path, seconds: float) -> bool:
    """Run steps until time is up, and return whether all went well."""
    end, well = monotonic() + seconds, True
    with (folder / "log.txt").open("w") as log:
        for step in planned:
            print(f"\n=== {step.about}: python {' '.join(step.arguments)}", file=log, flush=True)
            outcome = run(step, end - monotonic(), log)
            print(f"=== {step.about}: {outcome}", file=log, flush=True)
            typer.echo(f"{step.about}: {outcome}")
            well = well and outcome.startswith("done")
    return well


def missing() -> str:
    """Return what is not here that all steps need; empty if it is."""
    if not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} finds no GPU; see docs/gpu.md"
    if not native.CUDA_ARCHITECTURES:
        reason = native.REFUSAL or "built without CUDA"
        return f"no kernels for GPUs: {reason}; install with RECBENCH_EXT=1 RECBENCH_CUDA=1"
    return ""


def main(
    folder: Annotated[Path, typer.Argument(help="Where results go.")] = ROOT / "build" / "gpu",
    minutes: Annotated[float, typer.Option(help="After which what still runs is ended.")] = 60,
) -> None:
    """Run the tests that need a GPU and measure operators and models on it."""
    if reason := missing():
        typer.echo(f"error: {reason}", err=True)
        raise typer.Exit(2)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    card = card_name(torch.device("cuda", 0))
    well = run_all(steps(folder, card), folder, 60 * minutes)
    typer.echo(f"see {folder / 'log.txt'}; {folder / card}.json belongs into results/ops/")
    raise typer.Exit(0 if well else 1)


if __name__ == "__main__":
    typer.run(main)
