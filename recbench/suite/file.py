"""A suite as a TOML file: which models on which datasets, from which paper's table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from recbench.config import RunConfig, build
from recbench.data import DataConfig
from recbench.errors import UsageError, unknown_name
from recbench.metrics import METRICS, metric_of
from recbench.suite.limits import Limits, duration
from recbench.training import TrainingConfig


@dataclass(frozen=True)
class Source:
    """What a suite is to make again."""

    paper: str = ""  # authors, title, venue
    table: str = ""  # which of its tables
    note: str = ""  # where the suite departs from it, and why


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset of a suite."""

    name: str  # of the dataset
    protocol: str = ""  # the dataset's default if empty
    source: Literal["auto", "real", "simulated"] = "auto"  # of its raw files
    size: str = "small"  # of simulated data
    limit: int = 0  # most examples of each part; 0 for all

    @property
    def title(self) -> str:
        """Its name, and its protocol if that is given."""
        return f"{self.name}/{self.protocol}" if self.protocol else self.name


@dataclass(frozen=True)
class ModelEntry:
    """A model of a suite."""

    name: str  # of the model
    config: dict[str, Any] = field(default_factory=dict)  # what differs from its defaults
    training: dict[str, Any] = field(default_factory=dict)  # before those of grid and suite
    paper: dict[str, Any] = field(default_factory=dict)  # its scores, by `DatasetEntry.title`


@dataclass(frozen=True)
class Grid:
    """Every one of some models on every one of some datasets."""

    datasets: tuple[DatasetEntry, ...]  # names, or tables with the fields of `DatasetEntry`
    models: tuple[ModelEntry, ...]  # names, or tables with the fields of `ModelEntry`
    training: dict[str, Any] = field(default_factory=dict)  # before those of the suite


@dataclass(frozen=True)
class Suite:
    """A declared set of runs."""

    name: str  # what to call it
    grid: tuple[Grid, ...]  # the runs
    source: Source = Source()  # noqa: RUF009
    seeds: tuple[int, ...] = (1,)  # a run for each
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    threads: int = 1  # of each run, so that its result does not depend on how many run at a time
    time_limit: str = ""  # of each run, such as 2h; none if empty
    memory_limit: float = 0.0  # of each run, in GiB; 0 for none
    training: dict[str, Any] = field(default_factory=dict)  # before the models' own settings

    def configs(self) -> list[RunConfig]:
        """Return every run."""
        return [replace(config, seed=seed) for config, _ in self.cells() for seed in self.seeds]

    def cells(self) -> list[tuple[RunConfig, Mapping[str, float]]]:
        """Return a run of each model on each dataset, and the scores that the paper has for it."""
        return [
            (
                RunConfig(
                    model.name,
                    DataConfig(data.name, data.protocol, data.source, data.size, data.limit),
                    model.config,
                    {**self.training, **grid.training, **model.training},
                    self.seeds[0],
                    self.device,
                ),
                model.paper.get(data.title, {}),
            )
            for grid in self.grid
            for data in grid.datasets
            for model in grid.models
        ]


def load_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        UsageError: If the file cannot be read, or says what no suite can; names and settings of
            models and datasets are looked at when its runs are settled.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the suite {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    try:
        suite = _suite(content)
        _require_sense(suite)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return suite


def _suite(content: dict[str, Any]) -> Suite:
    known = {each.name for each in fields(Suite)}
    for name in content.keys() - known:
        raise unknown_name("field of the suite:", name, known)
    source = _filled(Source, content.get("source", {}), "source")
    grids = []
    for number, grid in enumerate(_list(content.get("grid", []), "grid"), 1):
        where = f"grid {number}"
        if not isinstance(grid, Mapping):
            raise UsageError(f"{where} must be a table, written under [[grid]]")
        full = dict(grid)
        for name, kind in (("datasets", DatasetEntry), ("models", ModelEntry)):
            entries = _list(full.get(name, []), f"{name} of {where}")
            full[name] = [_entry(kind, each, f"{name} of {where}") for each in entries]
        grids.append(asdict(build(Grid, full, where)))
    return build(Suite, {**content, "source": source, "grid": grids}, "the suite")


def _entry(kind: type[Any], entry: Any, where: str) -> dict[str, Any]:
    return _filled(kind, {"name": entry} if isinstance(entry, str) else entry, where)


def _filled(kind: type[Any], entry: Any, where: str) -> dict[str, Any]:
    """Return a table with every field of a dataclass, checked."""
    return asdict(build(kind, entry, where))


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise UsageError(f"{where}: give a list of one or more")
    return value


def _require_sense(suite: Suite) -> None:
    for training in (suite.training, *(grid.training for grid in suite.grid)):
        build(TrainingConfig, training, "training")
    for grid in suite.grid:
        for model in grid.models:
            _require_scores(model, grid)
    if suite.threads < 1 or not suite.seeds:
        raise UsageError("threads must be 1 or more, and seeds at least one number")
    Limits(memory=suite.memory_limit)
    if suite.time_limit:
        duration(suite.time_limit, "time_limit")
    runs = [(each.hash, each.seed) for each in suite.configs()]
    if len(set(runs)) < len(runs):
        raise UsageError("the same run is there twice; seeds, models and datasets differ once each")


def _require_scores(model: ModelEntry, grid: Grid) -> None:
    """Raise `UsageError` if a paper's scores are of no dataset of the grid, or no scores."""
    titles = [data.title for data in grid.datasets]
    for title, scores in model.paper.items():
        if title not in titles:
            raise unknown_name(f"dataset of the grid in paper of {model.name}:", title, titles)
        if not isinstance(scores, Mapping):
            raise UsageError(f"paper of {model.name}: {title} must be a table of scores")
        for score, number in scores.items():
            if metric_of(score) not in METRICS:
                raise unknown_name("metric", metric_of(score), METRICS)
            if not isinstance(number, float):
                raise UsageError(f"paper of {model.name}: {score} must be a number, got {number!r}")
