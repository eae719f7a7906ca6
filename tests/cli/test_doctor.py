import json
import os
from pathlib import Path
from types import SimpleNamespace

import torch


def test_doctor_tells_versions_devices_and_folders_as_text_and_as_json(recbench, tmp_path):
    data = json.loads(recbench("doctor", "--json").out)
    assert Path(data["raw files"]) == Path(os.environ["RECBENCH_CACHE"]) / "raw"
    assert data["records"].startswith(f"{tmp_path / 'results'} (")
    assert "gather: " in data["native code"]
    text = recbench("doctor")
    assert text.status == 0
    lines = dict(line.split("  ", 1) for line in text.out.splitlines())
    assert {name.strip() for name in lines} == set(data)
    assert "\x1b" not in text.out


def test_doctor_tells_each_gpu_or_why_there_is_none(recbench, monkeypatch):
    monkeypatch.setattr("recbench.device.refusal", lambda device: f"no {device} here")
    assert json.loads(recbench("doctor", "--json").out)["accelerators"] == "none: no cuda here"
    card = SimpleNamespace(name="Card X", total_memory=80 << 30, major=9, minor=0)
    monkeypatch.setattr("recbench.device.refusal", lambda device: "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda place: card)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: card.name)
    found = json.loads(recbench("doctor", "--json").out)["accelerators"]
    assert found == "cuda:0 Card X (80 GiB, compute 9.0), cuda:1 Card X (80 GiB, compute 9.0)"
