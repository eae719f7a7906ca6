"""The command that makes a run again, from its record."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recbench.config import build, values
from recbench.device import without_number
from recbench.model import Model
from recbench.record import RunRecord
from recbench.training import TrainingConfig


def command(record: RunRecord, kind: type[Model], results: Path | None) -> str:
    """Return the `recbench run` that makes the run of `record` again and keeps its model.

    Settings that are a default, of the model's class `kind` or of its training, are left out.

    Args:
        record: The run's record.
        kind: The model's class.
        results: The folder of records to name; None to leave it to the environment.
    """
    name, data = record.model.name, record.config["data"]
    words = ["--models", name, "--dataset", data["dataset"], "--protocol", data["protocol"]]
    words += ["--source", data["source"]]
    words += ["--size", data["size"]] if data["source"] == "simulated" else []
    words += ["--limit", str(data["limit"])] if data["limit"] else []
    words += ["--seeds", str(record.seed), "--device"]
    words += [without_number(record.config["device"])]
    own = values(build(kind.Config, {}, name))
    words += _settings(name, record.model.config, own)
    training = {**asdict(TrainingConfig()), **kind.training_settings}
    words += _settings("training", record.config["training"], training)
    words += ["--results", str(results)] if results else []
    return f"recbench run {shlex.join([*words, '--keep-model'])}"


def _settings(owner: str, chosen: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Return `--set` for each value that is no default."""
    words = []
    for name, value in chosen.items():
        if json.dumps(value) != json.dumps(defaults.get(name)):
            words += ["--set", f"{owner}.{name}={_text(value)}"]
    return words


def _text(value: Any) -> str:
    """Return a value as `--set` reads it: JSON, or text where it is not JSON."""
    try:
        json.loads(value)
    except ValueError:
        return str(value)
    except TypeError:
        pass
    return json.dumps(value)
