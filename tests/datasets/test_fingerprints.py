"""The pins of recbench's own datasets are what is prepared here."""

from __future__ import annotations

import tomllib
from importlib import resources

import numpy as np
import pytest

from recbench.data import DataConfig, locate, prepare
from recbench.data.fingerprint_pins import compare
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import find, load_dataset
from recbench.published_pins import FILE

CONTENT = tomllib.loads(resources.files("recbench.datasets").joinpath(FILE).read_text())


def _pins(*, real: bool):
    """Return the datasets and protocols of the pins of real data, or of tiny simulations."""
    return [
        pytest.param(pin["dataset"], pin["protocol"], id=f"{pin['dataset']}-{pin['protocol']}")
        for pin in CONTENT["pin"]
        if pin.get("size") == (None if real else "tiny")
    ]


def _require_pinned(dataset, config, folders) -> None:
    prepared = prepare(dataset, config, folders)
    pin = compare(dataset, prepared.manifest, prepared.folder.parent)
    assert (pin.place.name, pin.differing) == (FILE, ())


@pytest.mark.parametrize(("name", "protocol"), _pins(real=False))
def test_tiny_simulations_agree(name, protocol, tmp_path):
    if np.__version__.split(".")[:2] != CONTENT["numpy"].split(".")[:2]:
        pytest.skip(f"simulations are pinned with NumPy {CONTENT['numpy']}")
    config = DataConfig(name, protocol, "simulated", "tiny")
    folders = Folders(None, tmp_path, tmp_path)
    _require_pinned(load_dataset(find("dataset", name)), config, folders)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "protocol"), _pins(real=True))
def test_real_files_agree(raw_data, name, protocol, tmp_path):
    dataset = load_dataset(find("dataset", name))
    try:
        here = locate(dataset.card, raw_data, protocol)
    except DataError:
        here = None
    if not here:
        pytest.skip(f"the files of {name} for {protocol} are not in RECBENCH_TEST_DATA")
    _require_pinned(
        dataset, DataConfig(name, protocol, "real"), Folders(raw_data, tmp_path, tmp_path)
    )


def test_pins_are_of_protocols_and_versions_that_exist():
    for pin in CONTENT["pin"]:
        card = load_dataset(find("dataset", pin["dataset"])).card
        assert pin["version"] == card.version
        assert pin["protocol"] in card.protocols
        assert pin.get("simulator", card.simulator_version) == card.simulator_version
