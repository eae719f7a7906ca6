from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from webserver import Web

from recbench.data import Card, DataConfig, Dataset, PreparedDataset, prepare
from recbench.data.protocol import GlobalTime, Protocol
from recbench.data.reading import read_csv
from recbench.datasets.ml_100k_coldstart import MovieLens100KColdStart
from recbench.datasets.taobao import Taobao
from recbench.folders import Folders
from recbench.provenance import Environment
from recbench.record import Fingerprints, ModelRecord
from recbench.seeding import seed_everything
from recbench.tuning.study import Study, Trial

os.environ["RECBENCH_OFFLINE"] = "1"  # tests never touch the network

BY_TIME = Protocol(GlobalTime(valid=0.2, test=0.2, unit="share"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed every generator, so that no test depends on which others its process has run."""
    seed_everything(0)


@pytest.fixture
def gpu() -> torch.device:
    """A GPU."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and PyTorch finds none")
    return torch.device("cuda")


@pytest.fixture(scope="session")
def raw_data() -> Path:
    """The folder of real raw files."""
    folder = os.environ.get("RECBENCH_TEST_DATA")
    if not folder:
        pytest.skip("RECBENCH_TEST_DATA does not name a folder of real raw files")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory) -> Folders:
    """Folders whose cache holds the tiny simulated Taobao."""
    root = tmp_path_factory.mktemp("tiny")
    folders = Folders(None, root / "cache", root / "results")
    prepare(Taobao(), DataConfig("taobao", size="tiny"), folders)
    return folders


@pytest.fixture
def run_folders(tiny_folders, tmp_path) -> Folders:
    """The folders of the tiny simulated Taobao, with results of the test's own."""
    return replace(tiny_folders, results=tmp_path / "results")


@pytest.fixture
def tiny(tiny_folders) -> PreparedDataset:
    """The tiny simulated Taobao, its test part still sealed."""
    return prepare(Taobao(), DataConfig("taobao", size="tiny"), tiny_folders)


@pytest.fixture(scope="session")
def cold_folders(tmp_path_factory) -> Folders:
    """Folders whose cache is to hold tiny simulated ratings, for cold start."""
    root = tmp_path_factory.mktemp("cold")
    return Folders(None, root / "cache", root / "results")


@pytest.fixture
def cold(cold_folders):
    """Return a function that prepares tiny simulated ratings under a protocol of cold start."""

    def make(protocol, limit=0) -> PreparedDataset:
        config = DataConfig("ml-100k-coldstart", protocol, "simulated", "tiny", limit)
        return prepare(MovieLens100KColdStart(), config, cold_folders)

    return make


class Log(Dataset):
    """A log in `log.csv`, with the columns user, item, category, time and perhaps label."""

    api = 1

    def __init__(self, card: Card, *, labelled: bool) -> None:
        self.card = card
        self.labelled = labelled

    def read(self, db, files) -> None:
        columns = dict.fromkeys(("user", "item", "category", "time"), "BIGINT")
        columns |= {"label": "TINYINT"} if self.labelled else {}
        read_csv(db, "log_rows", files["log"], columns)
        db.execute(
            """CREATE VIEW events AS SELECT * EXCLUDE (category) FROM log_rows;
            CREATE VIEW items AS SELECT item, min(category) AS category FROM log_rows GROUP BY item
            """
        )


@pytest.fixture
def make_log():
    """Return a function that makes a dataset of the name `log`."""

    def make(protocols: Protocol | Mapping[str, Protocol] = BY_TIME, **card) -> Log:
        if isinstance(protocols, Protocol):
            protocols = {"only": protocols}
        about = {"name": "log", "version": 1, "title": "A log", "task": "ctr", "licence": "none"}
        about |= {"files": {"log": "log.csv"}, "source": "example.org/log.csv", "citation": "none"}
        labelled = next(iter(protocols.values())).negatives is None
        return Log(Card(**about | card, protocols=protocols), labelled=labelled)

    return make


@pytest.fixture
def web(monkeypatch):
    """A web server on this machine; downloads are allowed while it runs."""
    monkeypatch.delenv("RECBENCH_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Web() as server:
        yield server


@pytest.fixture
def folders(tmp_path) -> Folders:
    """Empty folders, the one for raw files included."""
    (tmp_path / "raw").mkdir()
    return Folders(tmp_path / "raw", tmp_path / "cache", tmp_path / "results")


@pytest.fixture
def prepare_rows(make_log, folders):
    """Return a function that prepares a log given by its rows."""

    def prepare_(rows, protocol: Protocol = BY_TIME, limit: int = 0, **card) -> PreparedDataset:
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        (folders.data / "log.csv").write_text(text)
        return prepare(make_log(protocol, **card), DataConfig("log", limit=limit), folders)

    return prepare_


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a distribution with plugins on the path, and returns where.

    It takes the distribution's name, its modules as source by name, and its models and datasets
    as targets by name.
    """
    site, loaded = tmp_path / "site", set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def put(name, modules=(), version="1.0", **plugins) -> Path:
        about = site / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        points = ""
        for kind, targets in plugins.items():
            points += f"[recbench.{kind}]\n"
            points += "".join(f"{plugin} = {target}\n" for plugin, target in targets.items())
        (about / "entry_points.txt").write_text(points)
        for module, source in dict(modules).items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return site

    yield put
    for module in set(sys.modules) - loaded:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(site)):
            del sys.modules[module]


@pytest.fixture
def study() -> Study:
    """A study of three trials, one of which failed; it has ended."""
    return Study(
        key="0123456789abcdef",
        dataset="shop",
        version=1,
        protocol="time",
        source="real",
        size=None,
        limit=None,
        fingerprints=Fingerprints("a", "b", "c"),
        model=ModelRecord("din", "recbench", "0.1.0", "abc", {}),
        config={"model_config": {}, "training": {}},
        space={"width": {"choice": [1, 2]}},
        common=False,
        seed=1,
        sampler="by hand",
        monitor="auc",
        budget=3,
        trials=(
            Trial({"width": 1}, {"auc": 0.6}, "", None, 1.0),
            Trial({"width": 2}, {}, "broke", None, 1.0),
            Trial({"width": 2}, {"auc": 0.7}, "", None, 1.0),
        ),
        config_hash="fedc",
        earlier=(),
        environment=Environment("3.11", "2.13", "0.1.0", "Linux", "a cpu", 2, "cpu"),
        git=None,
    )
