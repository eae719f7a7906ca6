import json
import os
from pathlib import Path


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
