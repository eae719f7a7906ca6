import json
from dataclasses import replace

import pytest
import torch

from recbench.ops import OPERATORS, backend, native

NAMES = [operator.name for operator in OPERATORS]


def test_operators_come_as_a_table_and_as_json(recbench):
    table, data = recbench("ops"), recbench("ops", "--json")
    assert (table.status, data.status) == (0, 0)
    rows = json.loads(data.out)
    assert [row["operator"] for row in rows] == NAMES
    lines = table.out.splitlines()
    assert [line.split()[0] for line in lines] == ["operator", *NAMES]
    for line, row in zip(lines[1:], rows, strict=True):
        assert row["runs"] in line
        assert row["computes"] in line


def test_it_says_why_the_reference_runs(recbench):
    with backend("reference"):
        rows = json.loads(recbench("ops", "--json").out)
    assert {row["runs"] for row in rows} == {"reference (asked for)"}


@pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")
def test_another_device_has_no_kernel_yet(recbench):
    with backend("auto"):
        rows = json.loads(recbench("ops", "--device", "meta", "--json").out)
    assert {row["runs"] for row in rows} == {"reference (no kernel for meta)"}


def test_a_device_that_does_not_exist_is_a_usage_error(recbench):
    done = recbench("ops", "--device", "tpu9")
    assert done.status == 2
    assert "--device 'tpu9': torch knows no such device" in done.err


def test_timing_needs_kernels(recbench, monkeypatch):
    monkeypatch.setattr(native, "LOADED", False)
    monkeypatch.setattr(native, "REFUSAL", "not built")
    done = recbench("ops", "--bench")
    assert done.status == 2
    assert "there are no native kernels to time here: not built" in done.err


@pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")
def test_timings_compare_both_implementations(recbench, monkeypatch):
    operator = next(each for each in OPERATORS if each.differentiable)
    small = next(iter(operator.cases(torch.device("cpu"), torch.float32)))
    brief = replace(operator, benchmarks=lambda device: [small])
    monkeypatch.setattr("recbench.ops.OPERATORS", (brief,))
    rows = json.loads(recbench("ops", "--bench", "--seconds", "0", "--json").out)
    assert [row["pass"] for row in rows] == ["forward", "forward and backward"]
    assert all(float(row["ratio"]) > 0 for row in rows)
