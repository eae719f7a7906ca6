"""`recbench run`, killed at random moments and given again, ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.folders import Folders
from recbench.pipeline import run
from recbench.record import RunRecord, predictions_path

PATIENCE = 120.0
"""Seconds after which a command that has not got where it is to be killed fails the test."""
LANDED = 0.5
"""Seconds after which the process that was killed before has written its last, and the next one has
not yet begun to train: it imports torch first."""

CASES = {
    "din": RunConfig(
        "din",
        DataConfig("taobao", source="simulated", size="tiny"),
        model_config={"dropout": 0.2},
        training={"epochs": 6, "patience": 9},
        device="cpu",
    ),
    "mwuf": RunConfig(
        "mwuf",
        DataConfig("ml-100k-coldstart", "phases", source="simulated", size="tiny"),
        model_config={"meta_epochs": 2},
        training={"epochs": 2, "batch_size": 256},
        device="cpu",
    ),
    "gru4rec": RunConfig(
        "gru4rec",
        DataConfig("diginetica", size="tiny", source="simulated", limit=2000),
        training={"epochs": 3},
        device="cpu",
    ),
    "ple": RunConfig(
        "ple",
        DataConfig("mmoe-synthetic", source="simulated", size="tiny"),
        training={"epochs": 6, "optimizer": "adagrad", "patience": 9},
        device="cpu",
    ),
}


class Command:
    """The command of a run, in a process of its own."""

    def __init__(self, config: RunConfig, folders: Folders) -> None:
        data = config.data
        self._results = folders.results
        self._call = [sys.executable, "-c", "from recbench.cli import main; main()", "run"]
        self._call += ["--models", config.model, "--dataset", data.dataset, "--device", "cpu"]
        self._call += ["--size", data.size, "--limit", str(data.limit), "--source", data.source]
        self._call += ["--protocol", data.protocol] if data.protocol else []
        for target, values in ((config.model, config.model_config), ("training", config.training)):
            for name, value in values.items():
                self._call += ["--set", f"{target}.{name}={value}"]
        self._call += ["--cache-dir", str(folders.cache), "--results", str(folders.results)]
        self.said = folders.results.with_suffix(".txt")

    def start(self) -> subprocess.Popen:
        environment = {**os.environ, "RECBENCH_CHECKPOINT_SECONDS": "0"}
        with self.said.open("ab") as said:
            return subprocess.Popen(  # noqa: S603 - recbench itself
                self._call, stdout=said, stderr=said, env=environment, start_new_session=True
            )

    def finish(self) -> None:
        assert self.start().wait(PATIENCE) == 0, self.said.read_text()

    def killed_in_training(self, checkpoints: int, pause: float) -> bool:
        """Kill it `pause` seconds after so many checkpoints; return whether it still ran."""
        process, end = self.start(), time.monotonic() + PATIENCE
        time.sleep(LANDED)
        before, seen = set(self._checkpoints()), set()
        while process.poll() is None and len(seen) < checkpoints:
            time.sleep(0.001)
            seen |= set(self._checkpoints()) - before
            assert time.monotonic() < end, self.said.read_text()
        time.sleep(pause)
        return _kill(process)

    def killed_after(self, seconds: float) -> bool:
        """Kill it so many seconds after its start; return whether it still ran."""
        process = self.start()
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return _kill(process)

    def _checkpoints(self):
        for path in (self._results / ".runs").glob("**/checkpoint.safetensors"):
            with suppress(FileNotFoundError):
                yield path.stat().st_ino, path.stat().st_mtime_ns


def _kill(process: subprocess.Popen) -> bool:
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return running


def outcome(results: Path):
    """Return all of a record that is to be the same, and the bytes of its predictions."""
    (path,) = [each for each in results.glob("*/*/*/*.json") if ".runs" not in each.parts]
    record = vars(RunRecord.load(path))
    for name in (
        "seconds",
        "train_samples_per_second",
        "peak_memory_mb",
        "created",
        "environment",
        "git",
    ):
        del record[name]
    record["curve"] = [{**row, "seconds": 0} for row in record["curve"]]
    return record, predictions_path(path).read_bytes()


@pytest.fixture
def case(request, tiny_folders, tmp_path):
    """A command and what it is to end with, from a run that nothing happened to."""
    config = CASES[request.param]
    undisturbed = replace(tiny_folders, results=tmp_path / "undisturbed")
    run(config, undisturbed)
    killed = replace(tiny_folders, results=tmp_path / "killed")
    return Command(config, killed), outcome(undisturbed.results), killed.results


@pytest.mark.parametrize("case", ["din"], indirect=True)
def test_a_run_killed_in_training_goes_on_and_ends_the_same(case):
    command, expected, results = case
    draw = random.Random(time.time_ns())  # noqa: S311 - which moments are tried
    moments = [(draw.randint(1, 8), draw.random() / 50) for _ in range(3)]
    assert all(command.killed_in_training(*moment) for moment in moments), moments
    command.finish()
    said = command.said.read_text()
    # The others may be killed unheard.
    assert "continues a" in said.rpartition("[1/1]")[2], said
    assert "begins anew" not in said
    assert "Traceback" not in said
    assert outcome(results) == expected, moments
    assert not list((results / ".runs").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_run_killed_at_any_moment_goes_on_and_ends_the_same(case):
    command, expected, results = case
    draw = random.Random(time.time_ns())  # noqa: S311 - which moments are tried
    started = time.monotonic()
    command.finish()
    whole = time.monotonic() - started
    assert outcome(results) == expected
    kills = 0
    while kills < 8:
        for path in results.glob("*/*/*/*.json"):
            path.unlink()
        if kills % 2:
            kills += command.killed_after(draw.random() * whole)
        else:
            kills += command.killed_in_training(draw.randint(1, 20), draw.random() / 20)
        if draw.random() < 0.3:
            command.finish()
            assert outcome(results) == expected
    command.finish()
    assert outcome(results) == expected
    assert "continues a" in command.said.read_text()
    assert "begins anew" not in command.said.read_text()
    assert "Traceback" not in command.said.read_text()
