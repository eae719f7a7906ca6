from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.data.protocol import LeaveLastTwoOut, Negatives, Protocol
from recbench.plugins import find
from recbench.recording import MemoryMeter, prediction_columns, run_key

CONFIG = RunConfig("popularity", DataConfig("taobao", size="tiny"), device="cpu")


def test_the_key_knows_everything_that_can_change_the_result(tiny, monkeypatch):
    plugin = find("model", "popularity")
    keys = [run_key(CONFIG, plugin, tiny)]
    assert run_key(CONFIG, plugin, tiny) == keys[0]
    keys.append(run_key(replace(CONFIG, seed=2), plugin, tiny))
    keys.append(run_key(replace(CONFIG, model_config={"x": 1}), plugin, tiny))
    keys.append(run_key(CONFIG, replace(plugin, version="9"), tiny))
    with monkeypatch.context() as patch:
        patch.setattr("recbench.recording.package_hash", lambda name: "other")
        keys.append(run_key(CONFIG, plugin, tiny))
    with monkeypatch.context() as patch:
        patch.setattr("recbench.recording.source_hash", lambda name: "other")
        keys.append(run_key(CONFIG, plugin, tiny))
    with monkeypatch.context() as patch:
        patch.setattr("recbench.recording.implementations", lambda device: {"gather": "other"})
        keys.append(run_key(CONFIG, plugin, tiny))
    tiny.manifest.fingerprints["test"] = "other"
    keys.append(run_key(CONFIG, plugin, tiny))
    assert len(set(keys)) == len(keys) == 8


def test_predictions_are_kept_with_raw_ids(prepare_rows):
    rows = [(u * 100 + 7, u + n + 50, 0, 10 * n + u) for u in range(6) for n in range(5)]
    dataset = prepare_rows(rows, Protocol(LeaveLastTwoOut(), Negatives("uniform")))
    test = dataset.open_test()
    predictions = np.arange(len(test), dtype=np.float32)
    columns = prediction_columns(dataset, test, {"prediction": predictions})
    assert list(columns) == ["user", "item", "time", "label", "prediction"]
    clicked = columns["label"] == 1
    kept = zip(*(columns[name][clicked] for name in ("user", "item", "time")), strict=True)
    assert list(kept) == [(u * 100 + 7, u + 54, 40 + u) for u in range(6)]
    np.testing.assert_array_equal(columns["prediction"], predictions)


def test_the_peak_of_memory_counts_what_was_used_in_between():
    meter = MemoryMeter("cpu")
    before = meter.peak()
    block = np.ones(64 << 17)  # 64 MiB
    del block
    assert 60 < meter.peak() - before < 120


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_memory_from_before_is_forgotten():
    block = np.ones(64 << 17)
    before = MemoryMeter("cpu").peak()
    del block
    assert MemoryMeter("cpu").peak() < before - 50


def test_of_a_gpu_it_is_the_cards_memory_that_counts_from_the_first_use_on(monkeypatch):
    done = []
    monkeypatch.setattr(torch.cuda, "init", lambda: done.append("init"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: done.append(device))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 << 20)
    assert MemoryMeter("cuda:1").peak() == 3
    assert done == ["init", "cuda:1"]


def test_a_sandbox_that_forbids_a_new_peak_still_gets_a_number(monkeypatch):
    def forbid(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", forbid)
    assert MemoryMeter("cpu").peak() > 10
