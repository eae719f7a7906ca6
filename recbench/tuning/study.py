"""`Study`: every setting that tuning has tried for one model, as one JSON file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from recbench.errors import RecbenchError, UnwritableError
from recbench.metrics import METRICS, metric_of
from recbench.plain import finite, from_plain
from recbench.provenance import Environment, GitState
from recbench.record import Fingerprints, ModelRecord

SCHEMA_VERSION = 2
"""Version of the file's layout."""
FOLDER = "studies"
"""The folder of studies within the results folder."""


@dataclass(frozen=True)
class Trial:
    """One setting, trained on the training part and judged on the validation part.

    Attributes:
        settings: What was set, by the names of the space.
        validation: Validation score by metric; empty if it failed.
        error: Why it failed; empty if it did not.
        repeats: The place of the earlier trial with the same settings, whose scores it has.
        seconds: How long it took.
    """

    settings: dict[str, Any]
    validation: dict[str, float]
    error: str
    repeats: int | None
    seconds: float


@dataclass(frozen=True)
class End:
    """What a study had found before it was continued with a larger budget.

    Attributes:
        trials: How many trials there were.
        config_hash: Digest of the best configuration of these.
    """

    trials: int
    config_hash: str


@dataclass(frozen=True)
class Study:
    """All that tuning has tried for one model on one split.

    Attributes:
        key: Digest of everything that can change a trial.
        dataset: The dataset's name.
        version: The version of its card.
        protocol: How it was split.
        source: Whether the raw files are real or simulated.
        size: The size of a simulated dataset.
        limit: How many rows preparation was limited to; None for all.
        fingerprints: Digests of the three parts; trials have read the first two.
        model: Which model was tuned; its configuration is the one that trials start from.
        config: The run's configuration that trials start from.
        space: What each setting may be.
        common: Whether the space is the one for models that declare none.
        seed: The seed of every training, and of what is tried.
        sampler: How settings were chosen.
        monitor: The validation score that selects.
        budget: How many trials there are to be.
        trials: Those made so far, in order; the first has the default settings.
        config_hash: Digest of the best configuration, which the records of its runs have; empty
            before the study has ended, and if every trial failed.
        earlier: Its ends with smaller budgets, in order; runs were made of these too.
        environment: The machine and software.
        git: The state of the source code; None if it is not under version control.
    """

    key: str
    dataset: str
    version: int
    protocol: str
    source: Literal["real", "simulated"]
    size: str | None
    limit: int | None
    fingerprints: Fingerprints
    model: ModelRecord
    config: dict[str, Any]
    space: dict[str, Any]
    common: bool
    seed: int
    sampler: str
    monitor: str
    budget: int
    trials: tuple[Trial, ...]
    config_hash: str
    earlier: tuple[End, ...]
    environment: Environment
    git: GitState | None

    @property
    def ends(self) -> list[Study]:
        """The study as it was at each of its ends, the last one included if it has come."""
        last = [End(self.budget, self.config_hash)] if self.config_hash else []
        return [
            replace(
                self,
                budget=end.trials,
                trials=self.trials[: end.trials],
                config_hash=end.config_hash,
                earlier=self.earlier[:place],
            )
            for place, end in enumerate([*self.earlier, *last])
        ]

    @property
    def higher_is_better(self) -> bool:
        """Whether larger validation scores are better."""
        return METRICS[metric_of(self.monitor)].higher_is_better

    @property
    def best(self) -> int | None:
        """The place of the best trial, the first of equals; None if none has a score."""
        sign = 1 if self.higher_is_better else -1
        scores = [sign * trial.validation.get(self.monitor, -sign * math.inf)
                  for trial in self.trials]  # fmt: skip
        best = max(scores, default=-math.inf)
        return None if best == -math.inf else scores.index(best)

    def path(self, root: Path) -> Path:
        """Return where `save` puts the study below the results folder `root`."""
        place = split_folder(root, self.dataset, self.version, self.protocol)
        return place / self.model.name / f"{self.key[:12]}.json"

    def save(self, root: Path) -> Path:
        """Write the study, whole or not at all, and return its path.

        Raises:
            UnwritableError: If it cannot be written.
        """
        path = self.path(root)
        content = {"schema_version": SCHEMA_VERSION, **finite(asdict(self))}
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise UnwritableError(
                f"cannot write {path}: {error.strerror or error}; free some space or choose "
                "another results folder"
            ) from error
        return path

    @classmethod
    def load(cls, path: Path) -> Study:
        """Read a study.

        Raises:
            RecbenchError: If it cannot be read, or is no study of this version.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content.pop("schema_version", None) if isinstance(content, dict) else None
            if version not in (1, SCHEMA_VERSION):
                raise ValueError(f"its schema_version is not {SCHEMA_VERSION}")
            if version == 1:
                content["earlier"] = []
            return from_plain(cls, content)
        except (OSError, ValueError) as error:
            raise RecbenchError(
                f"{path} is no study as recbench writes it: {error}; restore it, or delete it to "
                "tune again"
            ) from error


def split_folder(root: Path, dataset: str, version: int, protocol: str) -> Path:
    """Return where the studies of one split are below the results folder `root`."""
    return root / FOLDER / f"{dataset}-v{version}" / protocol


Studies = Mapping[tuple[str, str], Study]
"""Studies by model and hash of the best configuration."""


def load_studies(root: Path) -> tuple[Studies, dict[Path, str]]:
    """Return the studies of a results folder at their ends; of two with one result the larger.

    Beside them, by file, is what is wrong with those that are damaged.
    """
    studies, problems = [], {}
    for path in sorted(root.glob(f"{FOLDER}/*/*/*/*.json")):
        try:
            studies.append(Study.load(path))
        except RecbenchError as error:
            problems[path] = str(error)
    ended = sorted((end for each in studies for end in each.ends), key=attrgetter("budget"))
    return {(each.model.name, each.config_hash): each for each in ended}, problems
