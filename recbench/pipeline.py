"""`run`: from a configuration to a record, in one reading."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch

from recbench.batch import Reads
from recbench.claim import require_room, sole
from recbench.config import (
    RunConfig,
    build,
    check_config,
    faults_of,
    training_config,
    values,
)
from recbench.data import (
    EpisodeLoader,
    Loader,
    Part,
    PreparedDataset,
    obtain,
    open_loader,
    prepare,
    resolve,
)
from recbench.device import choose, repeatable
from recbench.errors import ChangedCodeError, PluginError, UsageError, unknown_name
from recbench.evaluate import chunk, predict, require_whole, score
from recbench.folders import Folders
from recbench.memory import memory_errors
from recbench.ops.dispatch import observe
from recbench.order import MODEL, OUTCOME, Order, Outcome, has_outcome, load_outcome
from recbench.plugins import Plugin, find, load_dataset, load_model, package_hash
from recbench.progress import SILENT, Progress
from recbench.provenance import environment
from recbench.record import RunRecord, state_path
from recbench.recording import (
    KEY,
    MemoryMeter,
    finished,
    make_record,
    model_record,
    prediction_columns,
    run_key,
    used_operators,
)
from recbench.schema import Schema
from recbench.seeding import seed_everything
from recbench.surroundings import kept
from recbench.training import FitResult, TrainingRun, fit_result, save_checkpoint

if TYPE_CHECKING:
    from recbench.data import Dataset
    from recbench.model import Model


def run(
    config: RunConfig,
    folders: Folders,
    progress: Progress = SILENT,
    *,
    again: bool = False,
    keep_model: bool = False,
) -> RunRecord:
    """Train and score one model in this process; write and return the record.

    A run that has been made before is not made again unless `again`, or unless `keep_model` asks
    for the trained model's state, to be kept beside the record, and there is none. If another
    process is making it, its end is waited for.

    Raises:
        RecbenchError: With what failed, where, and how to mend it.
    """
    order = settle(config, folders, progress)

    def busy() -> None:
        progress.note(f"{order.title}: another process is making it; waiting for it")

    with sole(order.lock(folders.results), busy):
        earlier = None if again else finished(order, folders.results, with_state=keep_model)
        if earlier:
            progress.note(f"{config.model}, seed {config.seed}: done before, its record is kept")
            return earlier
        fit_and_predict(order, folders.results, progress, keep_model=keep_model)
        return conclude(order, folders.results)


def settle(config: RunConfig, folders: Folders, progress: Progress = SILENT) -> Order:
    """Return the run that `config` asks for, with every choice made and its data prepared.

    Raises:
        RecbenchError: If it names something that does not exist or does not fit together, a plugin
            is broken, or data are missing or damaged.
    """
    started = perf_counter()
    source = plan(config, folders)[3]
    obtain(source, config.data, folders, progress)
    config, plugin, _ = check(config, folders)
    dataset = prepare(source, config.data, folders, progress)
    key = run_key(config, plugin, dataset)
    model, core = model_record(config, plugin), package_hash("recbench")
    return Order(config, model, core, str(dataset.folder), key, perf_counter() - started)


def fit_and_predict(
    order: Order, results: Path, progress: Progress = SILENT, *, keep_model: bool = False
) -> None:
    """Train the model and predict the test part; leave outcome and predictions in the run's state.

    This alone runs the model's code, in whatever process it is called. The labels of the test part
    are not opened.

    Raises:
        RecbenchError: With what failed, where, and how to mend it.
    """
    config, state = order.config, order.state(results)
    if has_outcome(state, progress, with_model=keep_model):
        return  # a process was ended after this and before the record
    (state / OUTCOME).unlink(missing_ok=True)  # its predictions and model are written anew
    memory, clock = MemoryMeter(config.device), [perf_counter()]
    dataset = PreparedDataset(Path(order.data), config.data.limit)
    require_room(state, (dataset.folder / "samples/test.arrow").stat().st_size)
    with _computing(order), observe() as operators:
        model = untrained(order, dataset)
        clock.append(perf_counter())
        fitted = train(model, dataset, config, state, progress)
        clock.append(perf_counter())
        loader = _loader(model, dataset, dataset.open_test(labelled=False), config)
        predictions = predict(model, loader, torch.device(config.device), progress)
    clock.append(perf_counter())
    if keep_model:
        save_checkpoint(model, state / MODEL, {KEY: order.key})
    parameters = sum(each.numel() for each in model.parameters() if each.requires_grad)
    built, trained, predicted = np.diff(clock).tolist()
    trained += fitted.earlier_seconds
    used, where = used_operators(operators), environment(config.device)
    outcome = Outcome(fitted, parameters, built, trained, predicted, memory.peak(), used, where)
    outcome.save(state, predictions)


def fit_and_validate(order: Order, state: Path, progress: Progress = SILENT) -> FitResult:
    """Train the model and return what training did; the test part stays sealed.

    Args:
        order: The run.
        state: The folder of what training keeps until it has ended.
        progress: Who is told how it goes.

    Raises:
        RecbenchError: With what failed, where, and how to mend it.
    """
    dataset = PreparedDataset(Path(order.data), order.config.data.limit)
    with _computing(order):
        return train(untrained(order, dataset), dataset, order.config, state, progress)


@contextmanager
def _computing(order: Order) -> Iterator[None]:
    """Let the model's code within repeat itself, and say it clearly if its memory runs out.

    What it changes of the process is put back, for the runs that follow in it.
    """
    device = order.config.device
    with kept(), repeatable(device), memory_errors(order.config.model, torch.device(device)):
        yield


def untrained(order: Order, dataset: PreparedDataset) -> Model:
    """Return the model of a run as it is before training, everything random seeded.

    Raises:
        ChangedCodeError: If its code or recbench's is not what it was when the run was settled.
        PluginError: If it does not say what it reads.
    """
    config = order.config
    plugin = find("model", config.model)
    kind = load_model(plugin)
    if model_record(config, plugin) != order.model:
        raise ChangedCodeError(f"the code of {config.model} has changed meanwhile; start again")
    if package_hash("recbench") != order.core:
        raise ChangedCodeError("the code of recbench has changed meanwhile; start again")
    seed_everything(config.seed)
    model = kind(dataset.schema, build(kind.Config, config.model_config, config.model))
    if not isinstance(model.reads, Reads):
        raise PluginError(f"{config.model}: reads is {model.reads!r}; set self.reads = Reads(...)")
    return model.to(config.device)


def conclude(order: Order, results: Path) -> RunRecord:
    """Score the predictions that a run has left in its state; write and return the record.

    Raises:
        RecbenchError: If they are not whole, or the record cannot be written.
    """
    state = order.state(results)
    dataset = PreparedDataset(Path(order.data), order.config.data.limit)
    test = dataset.open_test()
    outcome, predictions = load_outcome(state)
    require_whole(dataset.task, test, predictions)
    scores = score(dataset.task, test, predictions)
    record = make_record(order, outcome, dataset, test, scores)
    if (state / MODEL).exists():
        path = state_path(record.path(results))
        path.parent.mkdir(parents=True, exist_ok=True)
        (state / MODEL).replace(path)
    record.save(results, prediction_columns(dataset, test, predictions))
    shutil.rmtree(state, ignore_errors=True)
    return record


def check(config: RunConfig, folders: Folders) -> tuple[RunConfig, Plugin, type[Model]]:
    """Return the configuration with every choice made, its plugin and its class.

    Raises:
        UsageError: If it names something that does not exist or does not fit together.
        PluginError: If a plugin is broken.
        DataError: If raw files are missing.
    """
    config, plugin, kind, dataset = plan(config, folders)
    request = resolve(dataset, config.data, folders)
    data = replace(config.data, protocol=request.protocol, source=request.source, size=request.size)
    return replace(config, data=data), plugin, kind


def plan(config: RunConfig, folders: Folders) -> tuple[RunConfig, Plugin, type[Model], Dataset]:
    """Return the configuration with every choice made but those of data, and what it names.

    That is the model's plugin, the model's class and the dataset. No raw file is looked for.

    Raises:
        UsageError: If it names something that does not exist or does not fit together.
        PluginError: If a plugin is broken.
    """
    plugin = find("model", config.model)
    dataset = load_dataset(find("dataset", config.data.dataset, folders))
    card = dataset.card
    protocol = card.protocols[card.protocol_name(config.data.protocol)]
    kind = load_model(plugin)
    if kind.task.name != card.task:
        raise UsageError(
            f"{config.model} is a model for {kind.task.name}, and {card.name} is a dataset "
            f"for {card.task}; `recbench list` shows which go together"
        )
    scores = kind.task.scores(Schema(card.label_fields(protocol), protocol.states))
    with faults_of(kind, config.model):
        check_config(kind)
    training = values(training_config(kind, config))
    if (monitor := training["monitor"]) and monitor not in scores:
        raise unknown_name("metric in training.monitor:", monitor, scores)
    model_config = values(build(kind.Config, config.model_config, config.model))
    device = choose(config.device)
    chosen = replace(config, model_config=model_config, training=training, device=device)
    return chosen, plugin, kind, dataset


def train(
    model: Model, dataset: PreparedDataset, config: RunConfig, folder: Path, progress: Progress
) -> FitResult:
    """Fit the model on the training part, selecting on the validation part."""
    valid = dataset.part("valid")
    device = torch.device(config.device)

    def validate(candidate: Model) -> dict[str, float]:
        loader = _loader(candidate, dataset, valid, config)
        return score(candidate.task, valid, predict(candidate, loader, device, progress)).values

    training = training_config(type(model), config)
    examples = open_loader(
        dataset, dataset.part("train"), model.reads, training.batch_size, config.seed
    )
    asked = TrainingRun(training, folder, device, progress, folder.name)
    return fit_result(model.fit(examples, validate, asked), config.model)


def _loader(
    model: Model, dataset: PreparedDataset, part: Part, config: RunConfig
) -> Loader | EpisodeLoader:
    training = training_config(type(model), config)
    size = chunk(model.task, dataset.schema, training.evaluation_batch_size)
    episodes = training.batch_size  # an episode may hold any number of examples
    return open_loader(dataset, part, model.reads, size if part.episodes is None else episodes)
