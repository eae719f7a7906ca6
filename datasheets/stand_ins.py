"""What stands in for raw files that are not on this machine: samples of them, or drawn files."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

from recbench.data import Dataset

DRAWN = Path("tests")
"""Where the package `rawfiles` is, which draws files in each dataset's format."""
SAMPLES = {
    ("ali-ccp", "encoded"): {
        "encoded_train": "ali-ccp__ali_ccp_train_sample.csv",
        "encoded_valid": "ali-ccp__ali_ccp_val_sample.csv",
        "encoded_test": "ali-ccp__ali_ccp_test_sample.csv",
    },
    ("aliexpress-fr", "official"): {
        "train": "aliexpress__aliexpress_train_sample.csv",
        "test": "aliexpress__aliexpress_test_sample.csv",
    },
}
"""Samples of published files in the folder `format-samples` of the raw data, by role; only those of
which every part has some rows."""


def put(dataset: Dataset, protocol: str, data: Path | None, folder: Path) -> str:
    """Write files for a protocol into `folder`; return whether they are a sample or generated."""
    card = dataset.card
    samples = SAMPLES.get((card.name, protocol), {})
    paths = {role: (data or folder) / "format-samples" / name for role, name in samples.items()}
    if paths and all(path.is_file() for path in paths.values()):
        for role, path in paths.items():
            shutil.copy(path, folder / card.files[role])
        return "sample"
    if str(DRAWN.resolve()) not in sys.path:
        sys.path.append(str(DRAWN.resolve()))
    module = type(dataset).__module__.rpartition(".")[2]
    importlib.import_module(f"rawfiles.{module}").write(folder, card.name)
    return "generated"
