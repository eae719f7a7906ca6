"""Short labels that tell the configurations of one model apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from recbench.plain import canonical_json
from recbench.record import RunRecord

_LONGEST = 48
_HASH_LENGTH = 8


def label_configs(runs: Iterable[RunRecord]) -> dict[tuple[str, str], str]:
    """Return, by (model, config hash), what is special about each configuration.

    The label lists the settings in which a model's configurations differ, as `name=value`. It is
    empty for the only configuration of a model, and the hash where the list is long or says
    nothing.
    """
    labels = {}
    name = attrgetter("model.name")
    for model, same in groupby(sorted(runs, key=name), key=name):
        settings = {run.config_hash: _settings(run) for run in same}
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


def _settings(run: RunRecord) -> dict[str, Any]:
    """Return all settings of a run but its seed: the model's by name, the others by path."""
    own = run.model.config
    return {
        path: value
        for path, value in _flat(run.config).items()
        if path.rpartition(".")[2] not in own and path != "seed"
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
