"""The whole harness on a GPU, beside the same on the CPU."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from heard import Heard

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import OutOfMemoryError, TrainingError
from recbench.explanation import explain_run
from recbench.folders import Folders
from recbench.pipeline import run
from recbench.progress import Bar, Progress
from recbench.record import RunRecord
from recbench.scored import load_predictions
from recbench.suite.runs import run_suite
from recbench.suite.settling import settle_all

pytestmark = [pytest.mark.cuda, pytest.mark.usefixtures("gpu")]

CLICKS = DataConfig("taobao", size="tiny", limit=600)
SESSIONS = DataConfig("diginetica", source="simulated", size="tiny", limit=600)
RATINGS = DataConfig("ml-100k-coldstart", "states", "simulated", "tiny", limit=600)
NEW_ITEMS = replace(RATINGS, protocol="phases")
LABELS = DataConfig("mmoe-synthetic", size="tiny", limit=600)
# Plain steps do not enlarge what differs in the last digit, as Adam's do where gradients vanish.
PLAIN = {"epochs": 1, "optimizer": "sgd", "learning_rate": 0.05, "batch_size": 64}
MODELS = {
    "popularity": CLICKS,
    "logistic-regression": CLICKS,
    "din-base": CLICKS,
    "din": CLICKS,
    "dien": CLICKS,
    "sim": CLICKS,
    "item-popularity": SESSIONS,
    "markov": SESSIONS,
    "item-knn": SESSIONS,
    "gru4rec": SESSIONS,
    "stamp": SESSIONS,
    "single-task": LABELS,
    "mmoe": LABELS,
    "ple": LABELS,
    "melu": RATINGS,
    "random-embedding": NEW_ITEMS,
    "meta-embedding": NEW_ITEMS,
    "mwuf": NEW_ITEMS,
}
DRAWS = ("dien",)
"""Models that draw at random while they train, which a GPU does from a generator of its own."""
FAMILIES = ("din", "dien", "sim", "gru4rec", "mmoe", "melu", "random-embedding")
DIN = RunConfig("din", CLICKS, {"dropout": 0.2}, {"epochs": 2, "batch_size": 64}, device="cuda")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Folders:
    """Folders whose cache holds what is prepared once for all tests."""
    root = tmp_path_factory.mktemp("gpu")
    return Folders(None, root / "cache", root / "results")


@pytest.fixture
def folders(home, tmp_path) -> Folders:
    return replace(home, results=tmp_path / "results")


def predictions(record: RunRecord, results: Path) -> dict[str, np.ndarray]:
    rows = load_predictions(record.path(results))
    kinds = ("prediction", "rank")
    return {name: rows[name] for name in rows if name.partition("/")[0] in kinds}


@pytest.mark.parametrize("model", MODELS)
def test_a_run_is_that_of_the_cpu(model, folders):
    config = RunConfig(model, MODELS[model], training=PLAIN)
    records = [run(replace(config, device=name), folders) for name in ("cpu", "cuda")]
    assert records[1].environment.device.startswith("cuda (")
    assert torch.cuda.get_device_name() in records[1].environment.device
    assert 0 < records[1].peak_memory_mb < 4096
    close = 0.1 if model in DRAWS else 0.01
    for name, score in records[0].scores.items():
        assert records[1].scores[name] == pytest.approx(score, abs=close, nan_ok=True), name
    if model not in DRAWS and MODELS[model] is not SESSIONS:  # ranks may jump where scores are near
        first, second = (predictions(each, folders.results) for each in records)
        for name, column in first.items():
            np.testing.assert_allclose(second[name], column, rtol=0.01, atol=0.005)


@pytest.mark.parametrize("model", FAMILIES)
def test_two_runs_agree_to_the_last_bit(model, folders):
    config = RunConfig(model, MODELS[model], training=PLAIN | {"optimizer": "adam"}, device="cuda")
    first = predictions(run(config, folders), folders.results)
    second = predictions(run(config, folders, again=True), folders.results)
    for name, column in first.items():
        np.testing.assert_array_equal(second[name], column)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("model", FAMILIES)
def test_low_precision_trains(model, precision, folders):
    config = RunConfig(model, MODELS[model], training=PLAIN, device="cuda")
    low = replace(config, training=PLAIN | {"precision": precision})
    plain, found = run(config, folders), run(low, folders)
    assert found.config["training"]["precision"] == precision
    for name, score in plain.scores.items():
        assert found.scores[name] == pytest.approx(score, abs=0.1, nan_ok=True), name


class BrokenOff(Exception):  # noqa: N818 - not an error of anything here
    """The power went."""


class BreakOff(Progress):
    """Breaks off after so many batches."""

    def __init__(self, left: int) -> None:
        self.left = left

    @contextmanager
    def bar(self, label, total, unit):
        progress = self

        class Counting(Bar):
            def advance(self, amount, **figures):
                progress.left -= 1
                if not progress.left:
                    raise BrokenOff

        yield Counting()


def require_same_broken_off(config, folders, monkeypatch):
    """Demand that a run broken off twice ends as one that was not."""
    whole = predictions(run(config, folders), folders.results)
    elsewhere = replace(folders, results=folders.results / "again")
    monkeypatch.setenv("RECBENCH_CHECKPOINT_SECONDS", "0")
    for left in (4, 13):
        with suppress(BrokenOff):
            run(config, elsewhere, BreakOff(left))
    found = predictions(run(config, elsewhere), elsewhere.results)
    for name, column in whole.items():
        np.testing.assert_array_equal(found[name], column)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_run_that_was_broken_off_ends_as_one_that_was_not(folders, monkeypatch, precision):
    config = replace(DIN, training=DIN.training | {"precision": precision})
    require_same_broken_off(config, folders, monkeypatch)


GRAPHED = ("din-base", "din", "dien", "stamp", "mmoe", "ple", "random-embedding", "mwuf")


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("model", GRAPHED)
def test_a_run_with_graphs_is_that_without(model, precision, folders, monkeypatch):
    options = {"aux_weight": 0.0} if model == "dien" else {}  # draws from all events of a batch
    training = PLAIN | {"epochs": 2, "precision": precision, "gradient_clip": 5.0}
    config = RunConfig(model, MODELS[model], options, training, device="cuda")
    plain = run(config, folders)
    first = predictions(plain, folders.results)
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    shown = Heard()
    record = run(config, folders, again=True, progress=shown)
    second = predictions(record, folders.results)
    assert record.environment.device.endswith("; CUDA graphs)")
    told = [note for note in shown.notes if note.startswith("CUDA graphs: ")]
    assert told and not any(note.startswith("CUDA graphs: 0 of") for note in told)
    for name, column in first.items():
        if MODELS[model] in (LABELS, NEW_ITEMS):  # of one shape, so the same kernels run
            np.testing.assert_array_equal(second[name], column)
        elif MODELS[model] is not SESSIONS:
            np.testing.assert_allclose(second[name], column, rtol=0.01, atol=0.005)
    for name, score in plain.scores.items():
        assert record.scores[name] == pytest.approx(score, abs=0.01, nan_ok=True), name


@pytest.mark.parametrize("model", ["din", "dien", "mmoe"])
def test_a_run_with_graphs_repeats_itself_broken_off_or_not(model, folders, monkeypatch):
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    training = {"epochs": 2, "batch_size": 64, "schedule": "cosine"}
    config = RunConfig(model, MODELS[model], training=training, device="cuda")
    require_same_broken_off(config, folders, monkeypatch)


@pytest.mark.parametrize("model", ["gru4rec"])
def test_a_model_that_cannot_be_recorded_is_named_so(model, folders, monkeypatch):
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    config = RunConfig(model, MODELS[model], training=PLAIN | {"epochs": 4}, device="cuda")
    refused = "a step cannot be recorded as a CUDA graph: called a synchronizing CUDA operation; "
    with pytest.raises(TrainingError, match=refused):
        run(config, folders)
    monkeypatch.delenv("RECBENCH_CUDA_GRAPHS")
    run(config, folders)  # the device is as good as before


def test_a_kept_model_is_read_where_there_is_no_gpu(folders):
    record = run(DIN, folders, keep_model=True)
    found = explain_run(record.path(folders.results), folders, "test", 20)
    assert found.run.model.embeddings.tables[0].device.type == "cpu"
    assert found.events


LARGE = """
    import torch
    from recbench_models.baselines.logistic_regression import LogisticRegression

    class Large(LogisticRegression):
        def loss(self, batch):
            rows = torch.zeros(len(batch), 2 << 20, device=batch.labels.device)  # 8 MiB each
            return super().loss(batch) + rows[0, 0]
"""


def test_memory_that_runs_out_is_said_with_a_batch_size_that_fits(folders, install):
    install("large", {"large": LARGE}, models={"large": "large:Large"})
    config = RunConfig("large", CLICKS, {}, {"epochs": 1, "batch_size": 512}, device="cuda")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    held = torch.cuda.memory_reserved()  # by cuBLAS, for as long as the process lives
    torch.cuda.set_per_process_memory_fraction((held + (1 << 30)) / total)
    try:
        expected = (
            r"training step 1 of epoch 1 ran out of memory with 512 examples at a time .* by this "
            r"process\): 64 of them went through, found by halving: --set training.batch_size=64"
        )
        with pytest.raises(OutOfMemoryError, match=expected):
            run(config, folders)
        run(replace(config, training={"epochs": 1, "batch_size": 64}), folders)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_runs_in_processes_of_their_own_share_the_card(folders):
    configs = [replace(DIN, seed=seed) for seed in (1, 2)]
    cells = list(run_suite(settle_all(configs, folders), folders, jobs=2))
    assert [cell.error for cell in cells] == ["", ""]
    assert all(cell.record.environment.device.startswith("cuda (") for cell in cells)
