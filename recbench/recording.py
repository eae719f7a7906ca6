"""From what a run used and found to its record; and whether a run has been made before."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from recbench.config import RunConfig
from recbench.data import Manifest, Part, PreparedDataset, gather
from recbench.errors import RecbenchError
from recbench.evaluate import Predictions, Scores, attainable
from recbench.metrics import METRICS, metric_of, score_name
from recbench.ops import OPERATORS, dispatch
from recbench.order import Order, Outcome
from recbench.plain import digest
from recbench.plugins import Plugin, source_hash
from recbench.plugins.package_hash import package_hash
from recbench.provenance import git_state
from recbench.record import (
    DatasetRecord,
    Fingerprints,
    ModelRecord,
    RunRecord,
    Seconds,
    record_path,
    state_path,
)
from recbench.schema import FIRST_ID
from recbench.scored import load_predictions
from recbench.training import checkpoint_notes

KEY = "recbench.key"
"""Under which name a kept state holds the key of its run."""


def run_key(config: RunConfig, plugin: Plugin, dataset: PreparedDataset) -> str:
    """Return the digest of everything that can change the run's result."""
    return digest(
        {
            "config": [config.hash, config.seed],
            "data": dataset.manifest.fingerprints,
            "plugin": [plugin.distribution, plugin.version, source_hash(plugin)],
            "recbench": [version("recbench"), package_hash("recbench")],
            "operators": implementations(torch.device(config.device)),
        }
    )


def implementations(device: torch.device) -> dict[str, str]:
    """Return what runs on `device`, of the data plane and of the models' operators."""
    names = (operator.name for operator in OPERATORS)
    operators = {name: dispatch.implementation(name, device) for name in names}
    return {"gather": gather.implementation(), **operators}


def used_operators(operators: Mapping[str, set[str]]) -> dict[str, str]:
    """Return which implementations have run, in the words of a record."""
    ran = {name: "; ".join(sorted(how)) for name, how in sorted(operators.items())}
    return {"gather": gather.implementation(), **ran}


def finished(order: Order, results: Path, *, with_state: bool) -> RunRecord | None:
    """Return the record of an earlier run with the same key, if there is one.

    Args:
        order: The run.
        results: The results folder.
        with_state: Whether the model's state must have been kept.
    """
    manifest = Manifest.load(Path(order.data))
    path = record_path(
        results,
        manifest.dataset,
        manifest.version,
        manifest.protocol,
        order.config.model,
        order.config.hash,
        order.config.seed,
    )
    if with_state and state_key(path) != order.key:
        return None
    try:
        record = RunRecord.load(path)
        load_predictions(path)
    except RecbenchError:
        return None  # what is damaged is made anew
    return record if record.key == order.key else None


def model_record(config: RunConfig, plugin: Plugin) -> ModelRecord:
    """Return which model a configuration names."""
    return ModelRecord(
        config.model,
        plugin.distribution,
        plugin.version,
        source_hash(plugin),
        config.plain()["model_config"],
    )


def state_key(record: Path) -> str | None:
    """Return the key of the run whose state lies beside the record at `record`; None if none."""
    path = state_path(record)
    if not path.exists():
        return None
    with suppress(RecbenchError):
        return checkpoint_notes(path).get(KEY, "")
    return ""


def make_record(
    order: Order, outcome: Outcome, dataset: PreparedDataset, test: Part, scores: Scores
) -> RunRecord:
    """Return the record of a finished run.

    Args:
        order: What was asked for.
        outcome: What came of it.
        dataset: Its data.
        test: The test part, with its labels.
        scores: The scores of the predictions.
    """
    config = order.config
    return RunRecord(
        key=order.key,
        config=config.plain(),
        config_hash=config.hash,
        seed=config.seed,
        task=dataset.task.name,
        dataset=_dataset(config, dataset, test),
        model=order.model,
        scores=scores.values,
        validation=outcome.fitted.best,
        metric_versions={name: METRICS[metric_of(name)].version for name in scores.values},
        scored_users=scores.scored_users,
        curve=outcome.fitted.curve,
        parameters=outcome.parameters,
        seconds=Seconds(order.seconds + outcome.build, outcome.train, outcome.predict),
        train_samples_per_second=outcome.fitted.samples_per_second or None,
        peak_memory_mb=outcome.peak_memory_mb,
        operators=outcome.operators,
        environment=outcome.environment,
        git=git_state(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def prediction_columns(
    dataset: PreparedDataset, test: Part, predictions: Predictions
) -> Mapping[str, NDArray[Any]]:
    """Return the rows to keep beside a record: what tells them apart, labels and predictions.

    Examples of a log are told apart by raw user and item, and time; those of a table by their row.
    States are written by name. A column of several places among the items, [M, K], becomes one of
    raw ids for each.
    """
    columns: dict[str, NDArray[Any]] = {}
    test = test.asked
    for name in ("user", "item"):
        if name in test.columns:
            table = dataset.users if name == "user" else dataset.items
            columns[name] = _raw(table[name], np.asarray(test.columns[name]))
    kept = ("time", "row", "episode")
    columns |= {name: test.columns[name] for name in kept if name in test.columns}
    if "state" in test.columns:
        columns["state"] = np.array(dataset.schema.states)[test.columns["state"]]
    groups = dataset.task.metrics(dataset.schema)
    for name in dataset.schema.labels:
        label = score_name("label", name if name in groups else "")
        columns[label] = np.asarray(test.columns[name])
    for name, column in predictions.items():
        if column.ndim == 1:
            columns[name] = column
            continue
        for place, ids in enumerate(column.T, 1):
            columns[f"{name}{place}"] = _raw(dataset.items["item"], ids + FIRST_ID)
    return columns


def _raw(table: pa.Array, ids: NDArray[Any]) -> NDArray[Any]:
    values: NDArray[Any] = table.take(pa.array(ids)).to_numpy(zero_copy_only=False)
    return values


class MemoryMeter:
    """The largest resident memory since it was made, or of an accelerator where one is used.

    Where the kernel cannot start a new peak, it is the largest since the process began.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._linux = Path("/proc/self/clear_refs")
        if device.startswith("cuda"):
            # In a process that has not used it yet there is nothing to reset.
            torch.cuda.init()  # type: ignore[no-untyped-call]
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with suppress(OSError):  # other systems, and sandboxes, keep the peak of the process
                self._linux.write_text("5")  # makes the kernel start a new peak

    def peak(self) -> float:
        """Return the peak in MiB."""
        if self._device.startswith("cuda"):
            return torch.cuda.max_memory_allocated(self._device) / 2**20
        if self._linux.exists():
            status = Path("/proc/self/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            return int(line.split()[1]) / 1024
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used / (2**20 if sys.platform == "darwin" else 1024)


def _dataset(config: RunConfig, dataset: PreparedDataset, test: Part) -> DatasetRecord:
    manifest = dataset.manifest
    prints = {part: manifest.fingerprints[part] for part in ("train", "valid", "test")}
    return DatasetRecord(
        name=manifest.dataset,
        version=manifest.version,
        protocol=manifest.protocol,
        source=manifest.source,
        size=manifest.size or None,
        limit=config.data.limit or None,
        fingerprints=Fingerprints(**prints),
        attainable=attainable(test),
        leakage=manifest.leakage,
    )
