"""A run in plain data: what is asked of the process that trains, and what comes of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.config import RunConfig
from recbench.errors import RecbenchError
from recbench.evaluate import Predictions
from recbench.plain import finite, from_plain
from recbench.progress import Progress
from recbench.provenance import Environment
from recbench.record import ModelRecord, write_together
from recbench.training import FitResult

OUTCOME, PREDICTIONS, MODEL = "outcome.json", "predictions.arrow", "model.safetensors"
"""Names of the files in a run's state folder once it has predicted."""


@dataclass(frozen=True)
class Order:
    """A run with every choice made and its data prepared.

    Attributes:
        config: Its configuration.
        model: Which model it is, down to the code.
        core: Digest of recbench's own code.
        data: The prepared folder.
        key: Digest of everything that can change the result.
        seconds: How long it took to settle this.
    """

    config: RunConfig
    model: ModelRecord
    core: str
    data: str
    key: str
    seconds: float

    @property
    def title(self) -> str:
        """What to call the run in one line."""
        return title(self.config)

    def state(self, results: Path) -> Path:
        """Return the folder of what an unfinished run has so far, below the results folder."""
        return results / ".runs" / self.key

    def lock(self, results: Path) -> Path:
        """Return the file by which a process claims the run."""
        return results / ".runs" / f"{self.key}.lock"


@dataclass(frozen=True)
class Outcome:
    """What a trained model left behind; its predictions are in a file beside it.

    Attributes:
        fitted: What training did.
        parameters: Number of trainable parameters.
        build: Seconds of building the model.
        train: Seconds of training.
        predict: Seconds of predicting the test part.
        peak_memory_mb: Largest memory of the process, or of an accelerator if one was used, in MiB.
        operators: Which implementation of each operator has run.
        environment: The machine and software.
    """

    fitted: FitResult
    parameters: int
    build: float
    train: float
    predict: float
    peak_memory_mb: float
    operators: dict[str, str]
    environment: Environment

    def save(self, state: Path, predictions: Predictions) -> None:
        """Write the predictions to the state folder and then, as a sign of the end, the rest.

        Raises:
            RecbenchError: If the files cannot be written.
        """
        table = pa.table({name: _to_arrow(column) for name, column in predictions.items()})
        text = json.dumps(finite(asdict(self)))

        def write_predictions(file: IO[bytes]) -> None:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

        write_together(
            {
                state / PREDICTIONS: write_predictions,
                state / OUTCOME: lambda file: file.write(text.encode()),
            }
        )


def has_outcome(state: Path, progress: Progress, *, with_model: bool) -> bool:
    """Return whether a run has left a whole outcome in its state folder; a damaged one is told.

    Args:
        state: The folder.
        progress: Who is told.
        with_model: Whether the model's state must have been kept.
    """
    if not (state / OUTCOME).exists() or (with_model and not (state / MODEL).exists()):
        return False
    try:
        load_outcome(state)
    except RecbenchError as error:
        progress.note(f"{error}; it is made anew")
        return False
    return True


def load_outcome(state: Path) -> tuple[Outcome, Predictions]:
    """Return what a run has left in its state folder, with its predictions.

    Raises:
        RecbenchError: If it is not there, or damaged.
    """
    try:
        text = (state / OUTCOME).read_text(encoding="utf-8")
        outcome = from_plain(Outcome, json.loads(text))
        with pa.OSFile(str(state / PREDICTIONS)) as file:
            table = pa.ipc.open_file(file).read_all()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecbenchError(f"the outcome in {state} cannot be read: {error}") from error
    return outcome, {name: _from_arrow(table.column(name)) for name in table.column_names}


def title(config: RunConfig, label: str = "") -> str:
    """Return what to call a run in one line, with what is special about it if that is known."""
    model = f"{config.model} ({label})" if label else config.model
    return f"{model} on {config.data.dataset}, seed {config.seed}"


def _to_arrow(column: NDArray[Any]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(column).reshape(-1))
    return flat if column.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, column.shape[1])


def _from_arrow(column: pa.ChunkedArray) -> NDArray[Any]:
    whole = column.combine_chunks()
    if not pa.types.is_fixed_size_list(whole.type):
        values: NDArray[Any] = whole.to_numpy(zero_copy_only=False)
        return values
    flat: NDArray[Any] = whole.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, whole.type.list_size)
