"""`RunRecord`, the result of a run: one JSON file with a version, and its predictions beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.errors import RecbenchError, UnwritableError
from recbench.plain import finite, from_plain
from recbench.provenance import Environment, GitState

SCHEMA_VERSION = 1
"""Version of the record's layout; grows with every change of a field."""

Migration = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Migration] = {}
"""For each older version, the function that turns its fields into the next version's."""


@dataclass(frozen=True)
class Fingerprints:
    """Digests of the decoded rows of each part."""

    train: str
    valid: str
    test: str


@dataclass(frozen=True)
class DatasetRecord:
    """What was learnt from and tested on.

    Attributes:
        name: The dataset's name.
        version: The version of its card.
        protocol: How it was split.
        source: Whether the raw files are real or simulated.
        size: The size of a simulated dataset.
        limit: How many rows preparation was limited to; None for all.
        fingerprints: Digests of the three parts.
        attainable: By metric, the score that no model is expected to pass; None where nobody knows.
        leakage: The protocol's leakage report.
    """

    name: str
    version: int
    protocol: str
    source: Literal["real", "simulated"]
    size: str | None
    limit: int | None
    fingerprints: Fingerprints
    attainable: dict[str, float] | None
    leakage: dict[str, Any]


@dataclass(frozen=True)
class ModelRecord:
    """Which model was trained.

    Attributes:
        name: The plugin's name.
        distribution: The distribution it comes from; None if it is not from one.
        version: The distribution's version.
        hash: Digest of the plugin's source code.
        config: Every field of the model's configuration.
    """

    name: str
    distribution: str | None
    version: str | None
    hash: str | None
    config: dict[str, Any]


@dataclass(frozen=True)
class Seconds:
    """Wall-clock time of each phase, in seconds.

    A run that was interrupted sums up what its sittings took to train, as far as it was kept.
    """

    prepare: float
    train: float
    evaluate: float


@dataclass(frozen=True)
class RunRecord:
    """Everything worth knowing about a finished run.

    Attributes:
        key: Digest of everything that can change the result.
        config: The run's canonical configuration.
        config_hash: Digest of `config` without its seed: runs that differ in nothing else share it.
        seed: The seed of initialisation and shuffling.
        task: The task's name.
        dataset: What was learnt from and tested on.
        model: Which model was trained.
        scores: Test score by metric; nan where undefined.
        validation: Validation score by metric, of the state that was kept.
        metric_versions: Version of each metric among the scores.
        scored_users: How many test users have both classes; None for tasks without them.
        curve: What was measured during training, one mapping per evaluation.
        parameters: Number of trainable parameters.
        seconds: Time of each phase.
        train_samples_per_second: Training speed; None for a model that does not train by batches.
        peak_memory_mb: Largest resident memory, or device memory on an accelerator, in MiB.
        operators: The implementation that each operator used.
        environment: The machine and software.
        git: The state of the source code; None if it is not under version control.
        created: When the run ended, UTC, ISO 8601.
    """

    key: str
    config: dict[str, Any]
    config_hash: str
    seed: int
    task: str
    dataset: DatasetRecord
    model: ModelRecord
    scores: dict[str, float]
    validation: dict[str, float]
    metric_versions: dict[str, int]
    scored_users: int | None
    curve: list[dict[str, float]]
    parameters: int
    seconds: Seconds
    train_samples_per_second: float | None
    peak_memory_mb: float | None
    operators: dict[str, str]
    environment: Environment
    git: GitState | None
    created: str

    def path(self, root: Path) -> Path:
        """Return where `save` puts the record below `root`."""
        data = self.dataset
        return record_path(
            root,
            data.name,
            data.version,
            data.protocol,
            self.model.name,
            self.config_hash,
            self.seed,
        )

    def save(self, root: Path, predictions: Mapping[str, NDArray[Any]]) -> Path:
        """Write the record and, beside it, the predictions as Arrow IPC; both appear, or neither.

        Args:
            root: The results folder.
            predictions: One array per column, a row per test example.

        Returns:
            The record's path; the predictions are at `predictions_path` of it.

        Raises:
            UnwritableError: If the files cannot be written.
        """
        path = self.path(root)
        text = json.dumps(
            {"schema_version": SCHEMA_VERSION, **finite(asdict(self))},
            indent=2,
            sort_keys=True,
            ensure_ascii=False,
        )
        table = pa.table({name: np.ascontiguousarray(col) for name, col in predictions.items()})

        def write_predictions(file: IO[bytes]) -> None:
            packed = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_file(file, table.schema, options=packed) as writer:
                writer.write_table(table)

        write_together(
            {
                predictions_path(path): write_predictions,
                path: lambda file: file.write(f"{text}\n".encode()),
            }
        )
        return path

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read a record that this or an older version wrote.

        Raises:
            RecbenchError: If it cannot be read, is no JSON, does not have exactly the fields of its
                version, has no scores or no version of one, or comes from a newer version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RecbenchError(f"cannot read the record {path}: {error.strerror}") from error
        except ValueError as error:
            raise RecbenchError(
                f"{path} is not valid JSON ({error}); restore it, or run it again"
            ) from error
        try:
            present = _migrate(data)
        except ValueError as error:
            raise RecbenchError(f"{path}: {error}") from error
        try:
            record = from_plain(cls, present)
            if not record.scores or record.scores.keys() != record.metric_versions.keys():
                raise ValueError("fields 'scores' and 'metric_versions' must name the same scores")
            return record
        except ValueError as error:
            raise RecbenchError(
                f"{path} is no run record as recbench writes it: {error}; restore it, or run it "
                "again"
            ) from error


def record_path(
    root: Path, dataset: str, version: int, protocol: str, model: str, config_hash: str, seed: int
) -> Path:
    """Return where the record of a run is below the results folder `root`.

    Raises:
        RecbenchError: If a name cannot be the name of a folder.
    """
    folders = (f"{dataset}-v{version}", protocol, model)
    for folder in folders:
        if not re.fullmatch(r"\w[\w.+@-]*", folder):
            raise RecbenchError(f"'{folder}' cannot name a folder of results; rename it")
    return root.joinpath(*folders, f"{config_hash[:12]}-s{seed}.json")


def predictions_path(record: Path) -> Path:
    """Return where the predictions of the record at `record` are."""
    return record.with_suffix(".predictions.arrow")


def state_path(record: Path) -> Path:
    """Return where the trained model's state is, if it was kept, of the record at `record`."""
    return record.with_suffix(".safetensors")


def write_together(writers: Mapping[Path, Callable[[IO[bytes]], object]]) -> None:
    """Write every file in full under another name, then give all their names, in order.

    Raises:
        RecbenchError: If one cannot be written; all stay as they were.
    """
    path = next(iter(writers))
    with ExitStack() as cleanup:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            drafts = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in writers}
            for path, draft in drafts.items():
                cleanup.callback(draft.unlink, missing_ok=True)
                with draft.open("wb") as file:
                    writers[path](file)
                    file.flush()
                    os.fsync(file.fileno())
            for path, draft in drafts.items():
                draft.replace(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnwritableError(
                f"cannot write {path}: {reason}; free some space or choose another results folder"
            ) from error


def _migrate(data: object) -> dict[str, Any]:
    """Return the fields of a record of any known version, as the present version has them."""
    version = data.pop("schema_version", None) if isinstance(data, dict) else None
    if not isinstance(data, dict) or type(version) is not int:
        raise ValueError("not a run record: it has no integer schema_version")
    if version > SCHEMA_VERSION:
        raise ValueError(
            f"schema_version {version} is newer than {SCHEMA_VERSION}, the newest this recbench "
            "reads; upgrade recbench"
        )
    for step in range(version, SCHEMA_VERSION):
        if step not in MIGRATIONS:
            raise ValueError(f"schema_version {version} is too old to read; run it again")
        data = MIGRATIONS[step](data)
    return data
