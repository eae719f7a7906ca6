"""Equal-budget tuning: so many trials for every model, each judged on the validation part."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from recbench.claim import sole
from recbench.config import RunConfig, build, faults_of, values
from recbench.data import DataConfig, Manifest
from recbench.data.reading import disk_full
from recbench.errors import (
    ChangedCodeError,
    RecbenchError,
    UnwritableError,
    UsageError,
)
from recbench.folders import Folders
from recbench.order import Order
from recbench.pipeline import plan, settle
from recbench.plain import canonical_json, digest
from recbench.plugins import find
from recbench.progress import SILENT, Progress
from recbench.provenance import environment, git_state
from recbench.record import Fingerprints
from recbench.recording import model_record
from recbench.search import COMMON_SPACE, SearchSpace
from recbench.suite.worker import cause
from recbench.training import TrainingConfig
from recbench.tuning.judging import Judge, judge_here
from recbench.tuning.proposal import SAMPLER, propose
from recbench.tuning.study import End, Study, Trial

if TYPE_CHECKING:
    from recbench.model import Model

TRAINING = "training."
"""How the names of training settings begin."""


@dataclass(frozen=True)
class Tuned:
    """A model and what tuning has found for it.

    Attributes:
        config: The configuration that trials started from.
        study: All trials; None if it could not be made.
        best: The configuration of the best trial; None if there is none.
        error: Why there is no best configuration; empty if there is.
    """

    config: RunConfig
    study: Study | None
    best: RunConfig | None
    error: str = ""


def tune_all(
    configs: Sequence[RunConfig],
    trials: int,
    folders: Folders,
    progress: Progress = SILENT,
    judge: Judge = judge_here,
) -> Iterator[Tuned]:
    """Tune each model with as many trials, and yield what was found.

    Arguments are those of `tune`.

    Raises:
        RecbenchError: Before any trial, if something asked for cannot be.
    """
    if trials < 1:
        raise UsageError(f"--trials is {trials}; at least 1")
    for config in configs:
        space_of(plan(config, folders)[2], config)
    for config in configs:
        try:
            study = tune(config, trials, folders, progress, judge)
        except RecbenchError as error:
            yield Tuned(config, None, None, str(error))
            continue
        if study.best is None:
            why = f"all of its {trials} trials failed, the first so: {study.trials[0].error}"
            yield Tuned(config, study, None, why)
        else:
            best = with_settings(config, study.trials[study.best].settings)
            yield Tuned(config, study, best)


def tune(
    config: RunConfig,
    trials: int,
    folders: Folders,
    progress: Progress = SILENT,
    judge: Judge = judge_here,
) -> Study:
    """Return the study of one model; trials that were made before are not made again.

    The first trial has the default settings, whatever the space. The settings of each further one
    follow from the seed and the trials before it, so that a study that was broken off ends as it
    would have. The test part is never opened.

    Args:
        config: What trials start from; what it sets itself is not varied.
        trials: How many there are to be. One that fails counts.
        folders: Where everything is.
        progress: Who is told how it goes.
        judge: What trains with the settings of a trial and scores them.

    Raises:
        RecbenchError: If something asked for cannot be, or the study cannot be written.
    """
    order = settle(config, folders, progress)
    kind = plan(config, folders)[2]
    space = space_of(kind, config)
    fresh = _fresh(order, kind, space, trials)
    path = fresh.path(folders.results)

    def busy() -> None:
        progress.note(f"{order.title}: another process is tuning it; waiting for it")

    with sole(folders.results / ".runs" / f"{fresh.key}.lock", busy):
        study = _resumed(fresh, path)
        _say_beginning(study, progress)
        with progress.bar(f"{config.model}: trials", trials, "trials") as bar:
            bar.advance(len(study.trials))
            while len(study.trials) < trials:
                state = folders.results / ".runs" / f"{study.key}-{len(study.trials)}"
                trial = _next_trial(study, order, kind, state, judge)
                study = replace(study, trials=(*study.trials, trial))
                study.save(folders.results)
                shutil.rmtree(state, ignore_errors=True)
                bar.advance(1)
                _say_trial(study, progress)
        if study.best is not None:
            settings = study.trials[study.best].settings
            study = replace(study, config_hash=_complete(order.config, kind, settings).hash)
            study.save(folders.results)
    return study


def space_of(kind: type[Model], config: RunConfig) -> SearchSpace:
    """Return what tuning varies of a model: what it declares, without what the run sets itself.

    Raises:
        PluginError: If the model declares a field that does not exist, or values that do not fit.
    """
    with faults_of(kind, config.model):
        check_space(kind)
    given = {*config.model_config, *(f"{TRAINING}{name}" for name in config.training)}
    return {name: domain for name, domain in kind.search_space.items() if name not in given}


def check_space(kind: type[Model]) -> None:
    """Make sure that every field of a model's search space exists and takes what it may be.

    Raises:
        UsageError: If one does not.
    """
    anything = RunConfig("", DataConfig(""))
    for name, domain in kind.search_space.items():
        for value in domain.ends:
            try:
                _complete(anything, kind, {name: value})
            except UsageError as error:
                raise UsageError(f"search_space: {name}: {error}") from error


def with_settings(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """Return `config` with the settings of a trial."""
    training, own = dict(config.training), dict(config.model_config)
    for name, value in settings.items():
        if name.startswith(TRAINING):
            training[name.removeprefix(TRAINING)] = value
        else:
            own[name] = value
    return replace(config, training=training, model_config=own)


def _complete(config: RunConfig, kind: type[Model], settings: Mapping[str, Any]) -> RunConfig:
    """Return `config` with the settings of a trial and every other field of model and training."""
    chosen = with_settings(config, settings)
    training = build(TrainingConfig, {**kind.training_settings, **chosen.training}, "training")
    own = build(kind.Config, chosen.model_config, chosen.model or f"{kind.__name__}.Config")
    return replace(chosen, training=values(training), model_config=values(own))


def _fresh(order: Order, kind: type[Model], space: SearchSpace, trials: int) -> Study:
    """Return the study of a run that starts from `order`, without trials."""
    config, manifest = order.config, Manifest.load(Path(order.data))
    sampler = f"{SAMPLER}; optuna {version('optuna')}"
    plain = json.loads(canonical_json({name: each.plain() for name, each in space.items()}))
    return Study(
        key=digest({"run": order.key, "space": plain, "sampler": sampler}),
        dataset=manifest.dataset,
        version=manifest.version,
        protocol=manifest.protocol,
        source=manifest.source,
        size=manifest.size or None,
        limit=config.data.limit or None,
        fingerprints=Fingerprints(
            *(manifest.fingerprints[part] for part in ("train", "valid", "test"))
        ),
        model=order.model,
        config=config.plain(),
        space=plain,
        common=kind.search_space is COMMON_SPACE,
        seed=config.seed,
        sampler=sampler,
        monitor=config.training["monitor"] or kind.task.scores(manifest.schema)[0],
        budget=trials,
        trials=(),
        config_hash="",
        earlier=(),
        environment=environment(config.device),
        git=git_state(),
    )


def _resumed(fresh: Study, path: Path) -> Study:
    """Return a study with the trials that its file has, if there is one.

    Raises:
        UsageError: If the file has more trials than are wanted.
        RecbenchError: If it cannot be read.
    """
    if not path.exists():
        return fresh
    known = Study.load(path)
    trials, earlier = known.trials, known.earlier
    if len(trials) > fresh.budget:
        raise UsageError(
            f"{path} has {len(trials)} trials and --trials is {fresh.budget}; ask for as many or "
            "more, or delete the file to tune again"
        )
    if known.config_hash and len(trials) < fresh.budget:
        earlier = (*earlier, End(len(trials), known.config_hash))
    return replace(fresh, trials=trials, earlier=earlier)


def _next_trial(study: Study, order: Order, kind: type[Model], state: Path, judge: Judge) -> Trial:
    """Choose settings, train with them and return how they do on the validation part."""
    settings = propose(study)
    for place, trial in enumerate(study.trials):
        if trial.settings == settings:  # would come to the same scores
            return replace(trial, repeats=place, seconds=0.0)
    started, scores, error = perf_counter(), dict[str, float](), ""
    try:
        config = _complete(order.config, kind, settings)
        model = model_record(config, find("model", config.model))
        scores = dict(judge(replace(order, config=config, model=model), state))
        if math.isnan(scores.get(study.monitor, math.nan)):
            scores, error = {}, f"the validation part gives no {study.monitor}"
    except (
        ChangedCodeError,
        UnwritableError,
    ):  # no trial's fault, and it would be every later one's
        raise
    except (Exception, SystemExit) as failure:
        if disk_full(failure):
            raise UnwritableError(cause(failure)) from failure
        kind_of = "" if isinstance(failure, RecbenchError) else f"{type(failure).__name__}: "
        error = f"{kind_of}{failure}"
    return Trial(settings, scores, error, None, perf_counter() - started)


def _say_beginning(study: Study, progress: Progress) -> None:
    whose = "common to models that declare none" if study.common else "declared by the model"
    made = f", {len(study.trials)} made before" if study.trials else ""
    progress.note(
        f"{study.model.name}: {study.budget} trials{made}, over {len(study.space)} settings "
        f"({whose}), judged by validation {study.monitor}"
    )


def _say_trial(study: Study, progress: Progress) -> None:
    place, trial = len(study.trials) - 1, study.trials[-1]
    settings = ", ".join(f"{name}={_text(value)}" for name, value in trial.settings.items())
    if trial.error:
        outcome = f"FAILED: {trial.error}"
    else:
        best = " (best)" if study.best == place else ""
        outcome = f"valid {study.monitor} {trial.validation[study.monitor]:.4f}{best}"
    again = "" if trial.repeats is None else f", as trial {trial.repeats + 1}"
    progress.note(f"trial {place + 1}/{study.budget}  {outcome}{again}  {settings}".rstrip())


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
