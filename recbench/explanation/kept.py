"""A trained model, as a run has kept it: built from the record, if all is as it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from recbench.config import RunConfig, build
from recbench.data import DataConfig, PreparedDataset, prepare
from recbench.errors import RecbenchError, UsageError
from recbench.explanation.command import command
from recbench.folders import Folders
from recbench.model import Model
from recbench.pipeline import check
from recbench.plugins import find, load_dataset, load_model, source_hash
from recbench.progress import Progress
from recbench.record import RunRecord, state_path
from recbench.recording import run_key, state_key
from recbench.training import TrainingConfig, load_checkpoint


@dataclass(frozen=True)
class KeptRun:
    """A run whose trained model is at hand.

    Attributes:
        record: Its record.
        dataset: Its data, the test part sealed.
        model: The trained model, on the CPU, in evaluation mode.
    """

    record: RunRecord
    dataset: PreparedDataset
    model: Model


def open_kept(path: Path, folders: Folders, progress: Progress) -> KeptRun:
    """Return the run of the record at `path`, with its trained model.

    Raises:
        UsageError: If the run kept no model, or the model explains nothing.
        RecbenchError: If the kept state is another run's, or the data or the model's code are not
            those of the record.
    """
    record = RunRecord.load(path)
    name = record.model.name
    plugin = find("model", name)
    kind = load_model(plugin)
    again = command(record, kind, _results(path, record, folders))
    if kind.explain is Model.explain:
        raise UsageError(
            f"{name} has no weights to show: its class does not override recbench.Model.explain"
        )
    if (key := state_key(path)) is None:
        raise UsageError(f"the run of {path} has not kept its model; this makes it again:\n{again}")
    if key != record.key:
        raise RecbenchError(
            f"{state_path(path)} is not of the run of {path}; this makes it again:\n{again}"
        )
    if source_hash(plugin) != record.model.hash:
        raise RecbenchError(
            f"the code of {name} is not that of the record, made with {_code(record)}; get that, "
            f"or make the run again:\n{again}"
        )
    config = replace(_config(record), device="cpu")
    check(config, folders)
    dataset = prepare(
        load_dataset(find("dataset", config.data.dataset, folders)), config.data, folders, progress
    )
    _require_data(record, dataset, again)
    if run_key(_config(record), plugin, dataset) != record.key:
        progress.note(
            f"{name}: recbench or its native code has changed since; weights are computed by "
            "what is here"
        )
    model = kind(dataset.schema, build(kind.Config, config.model_config, name))
    try:
        load_checkpoint(model, state_path(path))
    except (RuntimeError, OSError) as error:
        raise RecbenchError(f"{state_path(path)} does not fit {name}: {error}") from error
    return KeptRun(record, dataset, model.eval())


def _config(record: RunRecord) -> RunConfig:
    content = dict(record.config)
    content["data"] = asdict(build(DataConfig, content["data"], "data"))
    content["training"] = asdict(build(TrainingConfig, content["training"], "training"))
    return build(RunConfig, content, "the record's config")


def _results(path: Path, record: RunRecord, folders: Folders) -> Path | None:
    """Return the folder of records that `path` is in, if it is not the one of the environment."""
    depth = len(record.path(Path()).parts)
    root = path.absolute().parents[depth - 1] if len(path.absolute().parents) >= depth else None
    if root is None or root == folders.results.absolute():
        return None
    return root if record.path(root) == path.absolute() else None


def _code(record: RunRecord) -> str:
    version = f"{record.model.distribution} {record.model.version}"
    if record.git is None:
        return version
    changed = " with uncommitted changes" if record.git.dirty else ""
    return f"{version}, commit {record.git.commit[:12]}{changed}"


def _require_data(record: RunRecord, dataset: PreparedDataset, again: str) -> None:
    recorded = asdict(record.dataset.fingerprints)
    found = dataset.manifest.fingerprints
    if differing := [part for part, print_ in recorded.items() if found[part] != print_]:
        raise RecbenchError(
            f"the data of {record.dataset.name} are not those of the record: "
            f"{', '.join(differing)} differ; get its raw files, or make the run again:\n{again}"
        )
