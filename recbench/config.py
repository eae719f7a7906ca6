"""`RunConfig`: everything a user decides about one run, as frozen dataclasses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recbench.data import DataConfig
from recbench.device import without_number
from recbench.errors import PluginError, RecbenchError, UsageError, unknown_name
from recbench.plain import canonical_json, digest, finite, from_plain
from recbench.training import TrainingConfig

if TYPE_CHECKING:
    from recbench.model import Model

T = TypeVar("T")

SEEDS = 2**32
"""Number of seeds there are, from 0 on."""


@dataclass(frozen=True)
class RunConfig:
    """One model, on one dataset and split, with one seed."""

    model: str  # name of the model plugin
    data: DataConfig  # dataset, protocol, source
    model_config: dict[str, Any] = field(default_factory=dict)  # what differs from its defaults
    training: dict[str, Any] = field(default_factory=dict)  # what differs from the model's settings
    seed: int = 1  # of initialisation, shuffling and everything else random
    device: str = "auto"  # auto, cpu, cuda or cuda:N

    def __post_init__(self) -> None:
        """Refuse a seed that NumPy cannot take."""
        if not 0 <= self.seed < SEEDS:
            raise UsageError(f"the seed is {self.seed}; it must be from 0 to {SEEDS - 1}")

    def plain(self) -> dict[str, Any]:
        """Return the configuration as plain data, as records and TOML files hold it."""
        content: dict[str, Any] = _plain(asdict(self))
        return content

    @property
    def hash(self) -> str:
        """See `config_hash`."""
        return config_hash(self.plain())


def config_hash(plain: Mapping[str, Any]) -> str:
    """Return the digest that runs share which differ in nothing but the seed.

    On which of several GPUs a run is made is no difference.

    Args:
        plain: A run's configuration as plain data.
    """
    content = {name: value for name, value in plain.items() if name != "seed"}
    if isinstance(device := content.get("device"), str):
        content["device"] = without_number(device)
    return digest(content)


def load_config(path: Path) -> RunConfig:
    """Read a run's configuration from a TOML file.

    The file has `model`, and may have `seed`, `device` and the tables `[data]`, `[model_config]`
    and `[training]`.

    Raises:
        UsageError: If the file cannot be read or holds something that is not a configuration.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the configuration {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    try:
        content["data"] = asdict(build(DataConfig, content.get("data", {}), "data"))
        build(TrainingConfig, content.get("training", {}), "training")
        return build(RunConfig, content, "the run")
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Overrides:
    """What `--set` changes.

    Attributes:
        training: Fields of the training configuration.
        models: For each model, fields of its configuration.
    """

    training: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]

    def apply(self, config: RunConfig) -> RunConfig:
        """Return `config` with the changes made."""
        training = {**config.training, **self.training}
        build(TrainingConfig, training, "training")
        model_config = {**config.model_config, **self.models.get(config.model, {})}
        return replace(config, training=training, model_config=model_config)


def parse_overrides(settings: Iterable[str], models: Iterable[str]) -> Overrides:
    """Read settings of the form `training.FIELD=VALUE` or `MODEL.FIELD=VALUE`.

    A value is JSON; what is not JSON is text.

    Raises:
        UsageError: If one has another form, or names a model that is not run.
    """
    training: dict[str, Any] = {}
    by_model: dict[str, dict[str, Any]] = {model: {} for model in models}
    for setting in settings:
        target, equals, text = setting.partition("=")
        owner, dot, name = target.strip().rpartition(".")
        if not (equals and dot and name):
            raise UsageError(
                f"--set {setting}: write MODEL.FIELD=VALUE or training.FIELD=VALUE, "
                "for example din.embedding_dim=32"
            )
        if owner != "training" and owner not in by_model:
            raise unknown_name("target of --set", owner, ["training", *by_model])
        (training if owner == "training" else by_model[owner])[name] = _value(text.strip())
    return Overrides(training, by_model)


def build(kind: type[T], changes: Mapping[str, Any], owner: str) -> T:
    """Return a configuration dataclass with some fields given, each checked against its type.

    Args:
        kind: The dataclass.
        changes: Values as plain data; fields that have no default must be among them.
        owner: What the fields belong to, for errors.

    Raises:
        UsageError: If a field does not exist, or a value has the wrong type or is not finite.
    """
    if not isinstance(changes, Mapping):
        raise UsageError(f"{owner} must be a table of fields, got {changes!r}")
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    for name in changes:
        if name not in known:
            raise unknown_name(f"field of {owner}:", name, known)
    defaults = {name: _default(each) for name, each in known.items() if name not in changes}
    given = {name: value for name, value in defaults.items() if value is not MISSING}
    try:
        made = from_plain(kind, _plain({**given, **changes}))
    except ValueError as error:
        raise UsageError(f"{owner}: {error}") from error
    for name in known:
        value = getattr(made, name)
        if finite(_plain(value)) != _plain(value):
            raise UsageError(f"{owner}: field '{name}' must be finite, got {value}")
    return made


def values(made: Any) -> dict[str, Any]:
    """Return the fields of a configuration by name; `vars` has none of one with slots."""
    return {each.name: getattr(made, each.name) for each in fields(made)}


def check_config(kind: type[Model]) -> None:
    """Make sure that a model's `Config` can be made of its defaults, and that records can hold it.

    Raises:
        UsageError: With what is wrong with it.
    """
    owner = f"{kind.__name__}.Config"
    for each in fields(kind.Config):
        if not each.init:
            raise UsageError(f"{owner}: field '{each.name}' has init=False; make it a property")
        if each.default is MISSING and each.default_factory is MISSING:
            raise UsageError(f"{owner}: field '{each.name}' has no default; give it one")
    try:
        made = build(kind.Config, {}, owner)
    except RecbenchError:
        raise
    except Exception as error:  # of a type that is not found, or of what the class does itself
        raise UsageError(f"{owner} cannot be made: {type(error).__name__}: {error}") from error
    for name, value in _plain(asdict(made)).items():
        try:
            canonical_json(value)
        except TypeError as error:
            raise UsageError(
                f"{owner}: field '{name}' is {value!r}, which no record can hold; plain are str, "
                "bool, int, float, lists, tuples and dicts of them, and dataclasses"
            ) from error


def training_config(kind: type[Model], config: RunConfig) -> TrainingConfig:
    """Return the training settings: the run's own, then the model's, then the harness's.

    Raises:
        UsageError: If the run has a wrong one.
        PluginError: If the model has.
    """
    with faults_of(kind, config.model):
        build(TrainingConfig, kind.training_settings, "training_settings")
    return build(TrainingConfig, {**kind.training_settings, **config.training}, "training")


@contextmanager
def faults_of(kind: type[Model], name: str) -> Iterator[None]:
    """Turn a `UsageError` about what a model's class declares into a `PluginError`."""
    try:
        yield
    except UsageError as error:
        raise PluginError(f"{name} ({kind.__module__}.{kind.__name__}): {error}") from error


def _default(each: Field[Any]) -> Any:
    """Return a field's default as plain data; `MISSING` if it has none."""
    made = each.default if each.default_factory is MISSING else each.default_factory()
    return asdict(made) if is_dataclass(made) and not isinstance(made, type) else made


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _plain(value: Any) -> Any:
    """Return a copy with tuples as lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
