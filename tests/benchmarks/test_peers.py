"""What of `benchmarks.peers` needs no other library."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from benchmarks.peers import measurement
from benchmarks.peers.batch import BATCHES, FIRST_ID, category, random_batches
from benchmarks.peers.case import CASES, CATEGORIES, ITEMS, TASKS, Case, case_of
from benchmarks.peers.driver import Runner
from benchmarks.peers.markdown import figures
from benchmarks.peers.measurement import alternate, timing
from benchmarks.peers.ours import MODELS
from benchmarks.peers.peer import OURS, PEERS, entries, fused
from benchmarks.peers.process import Process, UnavailableError
from benchmarks.peers.results import best, least_memory, ratio


def small(model: str) -> Case:
    return Case("small", "Small", model, batch=4, steps=3, embedding=4, aim=1)


def test_names_of_cases_are_their_own():
    assert [case_of(case.name) for case in CASES] == list(CASES)


def test_batches_are_full_of_valid_ids_and_the_same_every_time():
    batches, again = random_batches(small("din")), random_batches(small("din"))
    assert len(batches) == BATCHES
    for batch, other in zip(batches, again, strict=True):
        assert torch.equal(batch.history, other.history)
        assert batch.history.shape == (4, 3)
        assert batch.history.min() >= FIRST_ID
        assert batch.history.max() < ITEMS
        assert (batch.age.diff(dim=1) <= 0).all()
    assert not torch.equal(batches[0].item, batches[1].item)
    items = torch.arange(FIRST_ID, ITEMS)
    assert category(items).min() >= FIRST_ID
    assert category(items).max() < CATEGORIES


@pytest.mark.parametrize(
    ("model", "columns"), {"din": (), "dien": (), "sim": (), "stamp": (ITEMS - FIRST_ID,),
    "mmoe": (TASKS,)}.items()
)  # fmt: skip
def test_our_models_train_and_predict(model, columns):
    case = small(model)
    contender, batches = MODELS[model](case), random_batches(case)
    runner = Runner(contender, batches, fused=True)
    before = [parameter.clone() for parameter in contender.model.parameters()]
    assert runner.loss() > 0
    assert len(runner.train(2)) == 2
    assert not all(map(torch.equal, before, contender.model.parameters()))
    assert len(runner.predict(1)) == 1
    with torch.no_grad():
        assert contender.predict(contender.inputs(batches[0])).shape == (4, *columns)


def test_every_model_has_a_peer_and_ours_comes_first(tmp_path):
    for case in CASES:
        names = [entry.name for entry in entries(case, tmp_path)]
        assert names[0] == OURS
        assert len(names) >= 3
        assert len(set(names)) == len(names)
    pythons = {entry.python for entry in entries(case_of("din-t50"), tmp_path)}
    assert tmp_path / "recbole/bin/python" in pythons


class Fake:
    """A contender whose steps take as long as it says."""

    def __init__(self, name: str, seconds: float, log: list[tuple[str, int]]) -> None:
        self._name, self._seconds, self._log = name, seconds, log

    def run(self, kind: str, steps: int) -> list[float]:
        self._log.append((self._name, steps))
        return [self._seconds] * steps


def test_contenders_take_turns_and_short_steps_are_repeated(monkeypatch):
    log: list[tuple[str, int]] = []
    monkeypatch.setattr(measurement, "TURN", 0.3)
    fakes = {"fast": Fake("fast", 0.1, log), "slow": Fake("slow", 2, log)}
    times = alternate(fakes, "training", 0)
    assert log[2:] == [("fast", 3), ("slow", 1)] * measurement.ROUNDS
    assert len(times["fast"]) == 3 * measurement.ROUNDS
    assert timing([1.0, 2.0, 3.0]).median == 2


CHILD = """
import json, os, sys
answers = os.fdopen(int(sys.argv[1]), "w")
def answer(content):
    print(json.dumps(content), file=answers, flush=True)
print("what a library prints")
answer({"about": "child"})
for line in sys.stdin:
    request = json.loads(line)
    if request["run"] == "memory":
        answer({"bytes": 7})
    elif request["run"] == "training":
        answer({"seconds": [1.5] * request["steps"]})
    else:
        sys.exit("no such thing")
"""


def test_a_process_answers_what_it_is_asked():
    process = Process([sys.executable, "-c", CHILD])
    try:
        assert process.about == {"about": "child"}
        assert process.run("training", 2) == [1.5, 1.5]
        assert process.peak_memory() == 7
        with pytest.raises(UnavailableError, match="ended with 1: no such thing"):
            process.run("inference", 1)
    finally:
        process.close()


def test_what_cannot_be_started_says_why(tmp_path):
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(UnavailableError, match="No such file"):
        Process([tmp_path / "python"])
    with pytest.raises(UnavailableError, match="ended with 1: .*nowhere"):
        Process([sys.executable, "-c", "import nowhere"])
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def row(threads: int = 2):
    def both(training: float, inference: float):
        times = {"training": training, "inference": inference}
        return {kind: {"median": time} for kind, time in times.items()}

    first, second = PEERS[0].name, PEERS[1].name
    return {
        "case": "din-t50",
        "threads": threads,
        "timings": {
            OURS: both(0.01, 0.002),
            first: both(0.05, 0.001),
            fused(first): both(0.02, 0.001),
            second: both(0.04, 0.003),
            fused(second): both(0.03, 0.003),
        },
        "memory": {OURS: 5e8, first: 1e9, second: 8e8, fused(first): 1},
    }


def test_ratios_are_over_the_best_peer():
    assert best(row(), "training") == (PEERS[1].name, 0.04)
    assert ratio(row(), "training") == pytest.approx(4)
    assert ratio(row(), "training", with_fused=True) == pytest.approx(2)
    assert ratio(row(), "inference") == pytest.approx(0.5)
    assert least_memory(row()) == 8e8
    alone = row() | {"timings": {OURS: row()["timings"][OURS]}, "memory": {OURS: 5e8}}
    assert best(alone, "training") is None
    assert ratio(alone, "training") is None
    assert least_memory(alone) is None


def test_tables_mark_what_is_missed():
    results = {
        "environment": {"cpu": "Some CPU", "device": "cpu", "torch": "2"},
        "cores": 2,
        "isa": "avx2",
        "date": "2026-01-01T00:00:00",
        "load": 0.1,
        "peaks": [{"threads": 2, "gflops": 100.0, "read_gbs": 10.0}],
        "measurements": [row()],
    }
    lines = list(figures(results))
    assert "| DIN B1024 T50 | 10 | 50 / 20 | 40 / 30 |  |  |" in lines
    aims = f"| {PEERS[1].name} | 4.00x (3x) | **2.00x** (2.5x) | **0.50x** (1x) | 1.60x (1x) |"
    assert f"| DIN B1024 T50 {aims}" in lines
