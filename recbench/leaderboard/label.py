"""Short labels that tell the configurations of one model apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from recbench.plain import canonical_json
from recbench.record import RunRecord

_LONGEST = 48
_HASH_LENGTH = 8


Name = tuple[str, str]
"""A model and the hash of its configuration."""


def label_configs(runs: Iterable[RunRecord]) -> dict[Name, str]:
    """Return, by (model, config hash), what is special about each configuration.

    The label lists the settings in which a model's configurations differ, as `name=value`. It is
    empty for the only configuration of a model, and the hash where the list is long or says
    nothing.
    """
    return label_plain(
        {
            (run.model.name, run.config_hash): {**run.config, "model_config": run.model.config}
            for run in runs
        }
    )


def label_plain(configs: Mapping[Name, Mapping[str, Any]]) -> dict[Name, str]:
    """Return the labels of runs that are asked for, whose configurations are plain data."""
    labels = {}
    name = itemgetter(0)
    for model, same in groupby(sorted(configs, key=name), key=name):
        settings = {each[1]: _settings(configs[each]) for each in same}
        for config_hash, label in _differences(settings).items():
            labels[model, config_hash] = label
    return labels


def _differences(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return each hash's settings as text, without those that are the same for all."""
    if len(settings) == 1:
        return dict.fromkeys(settings, "")
    names = sorted(set().union(*settings.values()))
    varied = [
        name
        for name in names
        if len({canonical_json(own.get(name)) for own in settings.values()}) > 1
    ]
    labels = {
        config_hash: ", ".join(f"{name}={_text(own[name])}" for name in varied if name in own)
        for config_hash, own in settings.items()
    }
    if len(set(labels.values())) == len(labels) and max(map(len, labels.values())) <= _LONGEST:
        return labels
    return {config_hash: config_hash[:_HASH_LENGTH] for config_hash in settings}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings but the seed: the model's by name, the others by path."""
    own = config["model_config"]
    rest = {name: value for name, value in config.items() if name not in ("model_config", "seed")}
    return {
        path: value for path, value in _flat(rest).items() if path.rpartition(".")[2] not in own
    } | _flat(own)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping as one level, nested names joined by dots."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _text(value: object) -> str:
    """Return a setting on one line; text as it is unless it has line breaks and their like."""
    return value if isinstance(value, str) and value.isprintable() else canonical_json(value)
