"""`python -m datasheets.pins`: pin the fingerprints of what this machine can prepare.

What it cannot, for want of raw files, keeps its pin as long as the card's version is the same.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import recbench.datasets
from datasheets.prepared import built_in, prepared
from recbench.data import Dataset
from recbench.data.fingerprint_pins import key
from recbench.published_pins import FILE

SIZES = ("tiny", "small")
HEAD = """\
# Fingerprints of the splits of recbench's own datasets; written by `make pins`.
# Real data are known by their counts, simulated ones by their size and the simulator's version.
numpy = "{numpy}"
"""


def main(
    data_dir: Annotated[Path | None, typer.Option(envvar="RECBENCH_TEST_DATA")] = None,
) -> None:
    """Write the file of pins."""
    place = Path(recbench.datasets.__path__[0]) / FILE
    before = place.read_text(encoding="utf-8") if place.exists() else "pin = []\n"
    place.write_text("pin = []\n", encoding="utf-8")  # so that nothing is held to the old ones
    try:
        datasets = built_in()
        kept = _known(before, datasets)
        pins = {_identity(pin): pin for pin in (*kept, *_found(datasets, data_dir))}
        before = HEAD.format(numpy=np.__version__) + "".join(
            _text(pins[each]) for each in sorted(pins)
        )
    finally:
        place.write_text(before, encoding="utf-8")
    typer.echo(f"{len(pins)} pins in {place}")


def _known(text: str, datasets: list[Dataset]) -> Iterator[Mapping[str, Any]]:
    """Yield those pins that are still of a protocol, a version and a simulator."""
    cards = {dataset.card.name: dataset.card for dataset in datasets}
    for pin in tomllib.loads(text)["pin"]:
        card = cards.get(pin["dataset"])
        if not card or card.version != pin["version"] or pin["protocol"] not in card.protocols:
            continue
        if pin.get("simulator", card.simulator_version) == card.simulator_version:
            yield pin


def _found(datasets: list[Dataset], data: Path | None) -> Iterator[Mapping[str, Any]]:
    """Prepare everything anew and yield its pins."""
    for dataset in datasets:
        with tempfile.TemporaryDirectory() as cache:
            for each in prepared(dataset, data, Path(cache), SIZES):
                typer.echo(f"{dataset.card.name} {each.folder.name}")
                yield {**key(each.manifest), "fingerprints": each.manifest.fingerprints}


def _identity(pin: Mapping[str, Any]) -> str:
    return repr([(name, value) for name, value in pin.items() if name != "fingerprints"])


def _text(pin: Mapping[str, Any]) -> str:
    lines = "".join(f"{name} = {_value(value)}\n" for name, value in pin.items())
    return f"\n[[pin]]\n{lines}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    typer.run(main)
