"""What it takes to prepare a dataset: measured in a process of its own, one after the other."""

from __future__ import annotations

import dataclasses
import gzip
import multiprocessing
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from datasheets import stand_ins
from datasheets.prepared import configs
from recbench.data import DataConfig, Dataset, Manifest, prepare
from recbench.folders import Folders
from recbench.plugins import find, load_dataset

CHUNK = 1 << 20


@dataclass(frozen=True)
class Measurement:
    """A preparation and what it took.

    Attributes:
        manifest: Of what was prepared.
        source: `real`, `simulated`, `sample` (some rows of the real files) or `generated` (files
            drawn for tests).
        lines: Lines of all raw files that the protocol reads, those of side features included.
        cpu: Seconds of CPU time, of all threads together.
        peak: Bytes of memory of the whole process at its largest, libraries included.
    """

    manifest: Manifest
    source: str
    lines: int
    cpu: float
    peak: int


def measure(dataset: Dataset, data: Path | None, size: str) -> Iterator[Measurement]:
    """Prepare every protocol of a dataset and yield what it took.

    That is of the real files in `data`, else of a simulation of the given size, else of files that
    stand in.
    """
    here = {config.protocol: config for config in reversed([*configs(dataset, data, (size,))])}
    for protocol in dataset.card.protocols:
        with tempfile.TemporaryDirectory() as scratch:
            config, source, raw = here.get(protocol), "", data
            if config is None:
                raw = Path(scratch) / "raw"
                raw.mkdir()
                source = stand_ins.put(dataset, protocol, data, raw)
                config = DataConfig(dataset.card.name, protocol, "real")
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(max_workers=1, mp_context=context) as process:
                made = process.submit(_prepare, config, raw, Path(scratch), gated=not source)
                manifest, lines, cpu, peak = made.result()
            yield Measurement(manifest, source or manifest.source, lines, cpu, peak)


def empty_process() -> int:
    """Return the memory of a process that has prepared nothing, in MiB."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as process:
        return process.submit(_peak).result() >> 20


def _prepare(
    config: DataConfig, raw: Path | None, scratch: Path, *, gated: bool
) -> tuple[Manifest, int, float, int]:
    """Prepare a dataset; return its manifest, lines of raw files, CPU seconds and bytes."""
    dataset = load_dataset(find("dataset", config.dataset))
    if not gated:
        dataset.card = dataclasses.replace(dataset.card, counts=())
    read, lines, counting = dataset.read, 0, 0.0

    def listen(db, files: Mapping[str, Path]) -> None:
        nonlocal lines, counting
        start = time.process_time()
        lines = sum(_lines(path) for path in set(files.values()))
        counting = time.process_time() - start
        read(db, files)

    dataset.read = listen  # where simulated and unpacked files are to be seen
    start = time.process_time()
    manifest = prepare(dataset, config, Folders(raw, scratch / "cache", scratch)).manifest
    return manifest, lines, time.process_time() - start - counting, _peak()


def _lines(path: Path) -> int:
    """Return the lines of a text file, or the rows of a file of arrays."""
    if path.suffix == ".h5":
        with h5py.File(path) as arrays:
            return max(len(array) for array in arrays.values())
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return max(len(array) for array in arrays.values())
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(CHUNK), b""))


def _peak() -> int:
    """Return the largest number of bytes that this process has had in memory, as Linux tells it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10
