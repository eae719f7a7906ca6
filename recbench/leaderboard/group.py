"""What results must have in common to stand in one table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from recbench.errors import unknown_name
from recbench.leaderboard.staleness import staleness
from recbench.metrics import METRICS, Metric, metric_of
from recbench.plain import digest
from recbench.record import RunRecord


@dataclass(frozen=True)
class Group:
    """What results must have in common to be compared.

    Attributes:
        dataset: The dataset's name.
        version: The version of its card.
        protocol: How it was split.
        source: Whether the raw files are real or simulated.
        size: The size of a simulated dataset.
        limit: How many rows preparation was limited to.
        caution: What the protocol says beside every score; empty if nothing.
        split: Digest of the fingerprints of the three parts.
        metric_versions: Name and version of each metric, the ranking one first.
        stale: Why the results are not of today's data and metrics; empty if they are.
    """

    dataset: str
    version: int
    protocol: str
    source: Literal["real", "simulated"]
    size: str | None
    limit: int | None
    caution: str
    split: str
    metric_versions: tuple[tuple[str, int], ...]
    stale: str

    @classmethod
    def of(cls, record: RunRecord) -> Group:
        """Return the group of a record; raise `UsageError` if a metric of it is not known."""
        order = {name: place for place, name in enumerate(METRICS)}
        for name in map(metric_of, record.metric_versions):
            if name not in order:
                raise unknown_name("metric", name, METRICS)
        data = record.dataset
        return cls(
            dataset=data.name,
            version=data.version,
            protocol=data.protocol,
            source=data.source,
            size=data.size,
            limit=data.limit,
            caution=data.leakage.get("caution", ""),
            split=digest(asdict(data.fingerprints)),
            metric_versions=tuple(
                sorted(
                    record.metric_versions.items(),
                    key=lambda entry: (order[metric_of(entry[0])], entry[0]),
                )
            ),
            stale=staleness(record),
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the group; the first one ranks."""
        return tuple(
            replace(METRICS[metric_of(name)], name=name) for name, _ in self.metric_versions
        )

    @property
    def title(self) -> str:
        """Name the data, and say aloud what keeps the scores from being real results."""
        source = "real data"
        if self.source == "simulated":
            source = f"SIMULATED data, size {self.size}" if self.size else "SIMULATED data"
        limit = "" if self.limit is None else f" · LIMITED to {self.limit:,} rows, not comparable"
        caution = f" · CAUTION: {self.caution}" if self.caution else ""
        stale = f" · STALE: {self.stale}" if self.stale else ""
        return f"{self.dataset} v{self.version} · {self.protocol} · {source}{limit}{caution}{stale}"

    @property
    def caption(self) -> str:
        """Name the exact split and metrics."""
        versions = {metric_of(name): version for name, version in self.metric_versions}
        metrics = ", ".join(f"{name} v{version}" for name, version in versions.items())
        return f"split {self.split[:12]} · {metrics} · mean ± standard deviation over seeds"

    def sort_key(self) -> tuple[object, ...]:
        """Order groups: real data first, then simulated, what was limited, and what is stale."""
        return (
            bool(self.stale),
            self.limit is not None,
            self.source != "real",
            self.dataset,
            -self.version,
            self.protocol,
            self.size or "",
            self.limit or 0,
            self.caution,
            self.split,
            self.metric_versions,
        )
