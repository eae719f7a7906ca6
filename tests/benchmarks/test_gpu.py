"""`benchmarks.gpu` with steps of its own, since its real ones need a GPU."""

from __future__ import annotations

import re

import pytest
import torch

from benchmarks import gpu
from benchmarks.gpu import Step, run_all, steps
from recbench.ops import OPERATORS, native


def test_a_step_that_fails_leaves_the_others_theirs(tmp_path, capsys):
    fails, works = Step("first", ["-c", "exit(3)"]), Step("second", ["-c", "print('found')"])
    assert not run_all([fails, works], tmp_path, 600)
    told = capsys.readouterr().out
    assert re.fullmatch(r"first: FAILED \(3\) in \d+ s\nsecond: done in \d+ s\n", told)
    assert "\nfound\n" in (tmp_path / "log.txt").read_text()
    assert run_all([works], tmp_path, 600)


def test_time_that_is_up_ends_a_step_and_leaves_out_what_follows(tmp_path, capsys):
    endless = Step("endless", ["-c", "import time; time.sleep(1e6)"])
    assert not run_all([endless, endless], tmp_path, 0.5)
    told = capsys.readouterr().out
    assert told == "endless: broken off after 0 s\nendless: left out, for want of time\n"


def test_every_operator_has_its_step_and_every_path_is_there(tmp_path):
    planned = steps(tmp_path, "a-card")
    for operator in OPERATORS:
        assert sum(operator.name in step.about for step in planned) == 1
    paths = [each for step in planned for each in step.arguments if each.startswith("tests/")]
    assert all((gpu.ROOT / path).exists() for path in paths)
    assert f"--output={tmp_path}/a-card.json" in planned[-1].arguments


@pytest.mark.parametrize(
    ("here", "built", "says"),
    [
        (False, ("90",), "finds no GPU; see docs/gpu.md"),
        (True, (), "no kernels for GPUs: built without CUDA; install with RECBENCH_EXT=1"),
    ],
)
def test_what_is_missing_is_said_before_the_first_step(here, built, says, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: here)
    monkeypatch.setattr(native, "CUDA_ARCHITECTURES", built)
    monkeypatch.setattr(native, "REFUSAL", "")
    with pytest.raises(gpu.typer.Exit) as ended:
        gpu.main(tmp_path)
    assert ended.value.exit_code == 2
