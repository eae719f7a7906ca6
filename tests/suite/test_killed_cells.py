"""A suite whose cells, or which itself, are killed at random moments ends as if nothing had been.

`tests/test_killed.py` does the same to one run and looks into its training.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import psutil
import pytest
from heard import Heard

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.pipeline import run
from recbench.progress import Bar
from recbench.record import RunRecord, predictions_path
from recbench.suite.limits import cores
from recbench.suite.runs import run_suite
from recbench.suite.settling import settle_all

PATIENCE = 240.0
KILLS = 30
DATA = DataConfig("taobao", source="simulated", size="tiny", limit=1500)
SEEDS = (1, 2, 3)
SUITE = """
name = "killed"
seeds = [1, 2, 3]
device = "cpu"
[training]
epochs = 4
patience = 9
[[grid]]
datasets = [{ name = "taobao", source = "simulated", size = "tiny", limit = 1500 }]
models = [{ name = "din", config = { dropout = 0.2 } }]
"""
CONFIG = RunConfig("din", DATA, {"dropout": 0.2}, {"epochs": 4, "patience": 9}, device="cpu")


def outcomes(results):
    """Return what must not change of each record, and the bytes of its predictions, by seed."""
    found = {}
    for path in results.glob("taobao-v1/*/*/*.json"):
        record = RunRecord.load(path)
        curve = [{**row, "seconds": 0} for row in record.curve]
        found[record.seed] = (record.scores, curve, predictions_path(path).read_bytes())
    return found


@pytest.fixture(scope="module")
def expected(tiny_folders, tmp_path_factory):
    """What runs that nothing happened to end with."""
    folders = replace(tiny_folders, results=tmp_path_factory.mktemp("undisturbed"))
    for seed in SEEDS:
        run(replace(CONFIG, seed=seed), folders)
    return outcomes(folders.results)


class Suite:
    """`recbench suite`, in a process that can be killed, with two runs at a time."""

    def __init__(self, folders, tmp_path):
        self.results, self.said = folders.results, tmp_path / "said.txt"
        (tmp_path / "killed.toml").write_text(SUITE)
        self._call = [sys.executable, "-c", "from recbench.cli import main; main()", "suite"]
        self._call += [str(tmp_path / "killed.toml"), "--jobs", str(min(2, cores()))]
        self._call += ["--cache-dir", str(folders.cache), "--results", str(folders.results)]

    def start(self):
        environment = {**os.environ, "RECBENCH_CHECKPOINT_SECONDS": "0"}
        with self.said.open("ab") as said:
            return subprocess.Popen(self._call, stdout=said, stderr=said, env=environment)

    def wait_for(self, process, checkpoints):
        """Wait for so many checkpoints, or a random time if 0; return whether it still runs."""
        seen, end = set(), time.monotonic() + (PATIENCE if checkpoints else random.random() * 8)
        while process.poll() is None and time.monotonic() < end:
            for path in self.results.glob(".runs/**/checkpoint.safetensors"):
                with suppress(FileNotFoundError):
                    seen.add((path.stat().st_ino, path.stat().st_mtime_ns))
            if checkpoints and len(seen) >= checkpoints:
                break
            time.sleep(0.002)
        return process.poll() is None

    def finish(self):
        return self.start().wait(PATIENCE)


@pytest.fixture
def suite(tiny_folders, tmp_path):
    return Suite(replace(tiny_folders, results=tmp_path / "results"), tmp_path)


def test_a_cell_that_is_killed_fails_and_goes_on_the_next_time(
    tiny_folders, tmp_path, monkeypatch, expected
):
    monkeypatch.setenv("RECBENCH_CHECKPOINT_SECONDS", "0")
    folders = replace(tiny_folders, results=tmp_path)
    runs, killed = settle_all([CONFIG], folders), []

    class Killing(Heard):
        @contextmanager
        def bar(self, label, total, unit):
            if label.startswith("epoch 2") and not killed:
                children = psutil.Process().children()
                (child,) = (each for each in children if "recbench.suite.worker" in each.cmdline())
                killed.append(child.pid)
                child.kill()
            yield Bar()

    progress = Killing()
    (cell,) = run_suite(runs, folders, progress)
    assert cell.error.startswith("its process was killed (SIGKILL)")
    (again,) = run_suite(runs, folders, progress)
    assert not again.error
    assert progress.about("continues a")
    assert outcomes(tmp_path)[1] == expected[1]


def test_two_processes_on_one_folder_neither_lose_nor_repeat_a_run(suite, expected):
    first, second = suite.start(), suite.start()
    assert [first.wait(PATIENCE), second.wait(PATIENCE)] == [0, 0], suite.said.read_text()
    assert outcomes(suite.results) == expected
    said = suite.said.read_text()
    assert said.count("epoch 1/4") == len(SEEDS), said
    assert not list(suite.results.joinpath(".runs").iterdir())


@pytest.mark.slow
def test_kills_of_cells_and_of_the_suite_change_nothing(suite, expected):
    draw, kills = random.Random(time.time_ns()), {"cell": 0, "suite": 0}
    while sum(kills.values()) < KILLS:
        process = suite.start()
        if suite.wait_for(process, draw.randint(0, 40)):
            cells = psutil.Process(process.pid).children()
            if cells and draw.random() < 0.5:
                with suppress(psutil.NoSuchProcess):
                    draw.choice(cells).kill()
                    kills["cell"] += 1
            else:
                process.kill()
                kills["suite"] += 1
        if process.wait(PATIENCE) == 0:
            assert outcomes(suite.results) == expected, kills
            for path in suite.results.glob("*-v*/*/*/*.json"):
                path.unlink()
    assert suite.finish() == 0
    assert outcomes(suite.results) == expected, kills
    said = suite.said.read_text()
    assert said.count("continues a") > KILLS / 2, said
    assert "begins anew" not in said
    assert "Traceback" not in said
