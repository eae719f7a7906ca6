"""Whether a record is of the data and metrics of today: versions, protocols, fingerprints."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.metrics import METRICS, metric_of
from recbench.published_pins import pins_of
from recbench.record import DatasetRecord, RunRecord


def staleness(record: RunRecord) -> str:
    """Return why a record cannot stand beside those made today; empty if it can.

    Its metrics are held to the versions here, and its data to the published pins of its dataset,
    as far as there are any: of real data, each release that is pinned is good.
    """
    return "; ".join(dict.fromkeys([*_metrics(record), *_data(record.dataset)]))


def _metrics(record: RunRecord) -> Iterator[str]:
    for name, version in record.metric_versions.items():
        today = METRICS[metric_of(name)].version
        if today != version:
            yield f"{metric_of(name)} is v{today} today, v{version} there"


def _data(data: DatasetRecord) -> Iterator[str]:
    pins = pins_of(data.name)
    today = max((pin["version"] for pin in pins), default=data.version)
    if today != data.version:
        yield f"the dataset is v{today} today"
        return
    same = [pin for pin in pins if pin["version"] == today and pin.get("size") == data.size]
    own = [pin["fingerprints"] for pin in same if pin["protocol"] == data.protocol]
    if same and not own and data.source == "simulated":  # all protocols of a simulation are pinned
        yield f"it has no protocol {data.protocol} today"
    stated = vars(data.fingerprints)
    if own and not any(all(pin[part] == stated[part] for part in stated) for pin in own):
        yield "its rows are not the pinned ones"
