import json
from dataclasses import asdict, replace

import pytest
from heard import Heard

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import OutOfMemoryError, TrainingError
from recbench.metrics import METRICS
from recbench.pipeline import run
from recbench.record import RunRecord, predictions_path, state_path
from recbench.recording import state_key
from recbench.scored import load_predictions

DATA = DataConfig("taobao", size="tiny", limit=2000)
TRAINING = {"epochs": 1}
POPULARITY = RunConfig("popularity", DATA, device="cpu")
BASE = RunConfig(
    "din-base", DATA, {"embedding_dim": 4, "mlp": (8,)}, TRAINING, seed=3, device="cpu"
)


@pytest.fixture(params=[POPULARITY, BASE], ids=["popularity", "din-base"])
def config(request):
    return request.param


def test_a_run_leaves_its_record_and_its_predictions_and_nothing_else(config, run_folders, tiny):
    record = run(config, run_folders)
    path = record.path(run_folders.results)
    files = {each for each in run_folders.results.rglob("*") if each.is_file()}
    assert files == {path, predictions_path(path)}
    assert json.loads(json.dumps(asdict(RunRecord.load(path)))) == json.loads(
        json.dumps(asdict(record))
    )
    prints = tiny.manifest.fingerprints
    assert asdict(record.dataset.fingerprints) == {
        part: prints[part] for part in ("train", "valid", "test")
    }
    assert (record.dataset.source, record.dataset.size, record.dataset.limit) == (
        "simulated",
        "tiny",
        2000,
    )
    assert (record.seed, record.task, record.model.name) == (config.seed, "ctr", config.model)
    assert record.metric_versions == {name: METRICS[name].version for name in record.scores}
    assert min(asdict(record.seconds).values()) >= 0
    assert record.peak_memory_mb > 10
    assert record.dataset.attainable["auc"] > record.scores["auc"]


def test_a_run_that_was_made_before_is_kept_until_it_is_asked_for_again(config, run_folders):
    first = run(config, run_folders)
    path, heard = first.path(run_folders.results), Heard()
    written = path.stat().st_mtime_ns
    assert run(config, run_folders, heard) == RunRecord.load(path)
    assert path.stat().st_mtime_ns == written
    assert heard.notes == [f"{config.model}, seed {config.seed}: done before, its record is kept"]
    remade = run(config, run_folders, again=True)
    assert path.stat().st_mtime_ns > written
    assert remade.scores == first.scores
    assert remade.validation == first.validation
    assert remade.key == first.key


def test_a_model_is_kept_when_asked_for_even_if_the_run_was_made_before(config, run_folders):
    path = run(config, run_folders).path(run_folders.results)
    written = path.stat().st_mtime_ns
    run(config, run_folders, keep_model=True)
    assert path.stat().st_mtime_ns > written
    assert state_key(path) == RunRecord.load(path).key
    heard = Heard()
    run(config, run_folders, heard, keep_model=True)
    run(config, run_folders, heard)
    assert len(heard.about("done before")) == 2
    state_path(path).write_bytes(b"damaged")
    assert state_key(path) == ""
    run(config, run_folders, keep_model=True)
    assert state_key(path) == RunRecord.load(path).key


@pytest.mark.parametrize("damage", ["record", "predictions", "part of them", "key"])
def test_a_damaged_or_outdated_record_is_made_anew(run_folders, damage):
    first = run(POPULARITY, run_folders)
    path = first.path(run_folders.results)
    if damage == "predictions":
        predictions_path(path).unlink()
    elif damage == "part of them":
        predictions_path(path).write_bytes(predictions_path(path).read_bytes()[:1000])
    elif damage == "record":
        path.write_text("{")
    else:
        path.write_text(path.read_text().replace(first.key, "0" * 64))
    heard = Heard()
    run(POPULARITY, run_folders, heard)
    assert not heard.about("done before")
    assert RunRecord.load(path).key == first.key
    assert load_predictions(path)


def test_seeds_change_the_result_and_lie_side_by_side(run_folders):
    one, other = run(BASE, run_folders), run(replace(BASE, seed=4), run_folders)
    assert one.config_hash == other.config_hash
    assert one.scores != other.scores
    assert one.path(run_folders.results).parent == other.path(run_folders.results).parent
    assert one.curve[0]["loss"] != other.curve[0]["loss"]


def test_the_time_of_training_includes_earlier_sittings(install, run_folders):
    resumed = """
        from recbench_models.baselines.popularity import Popularity
        from dataclasses import replace

        class Resumed(Popularity):
            def fit(self, train, validate, run):
                assert run.key and run.folder.name == run.key
                return replace(super().fit(train, validate, run), earlier_seconds=1000.0)
    """
    install("resumed", {"resumed": resumed}, models={"resumed": "resumed:Resumed"})
    record = run(replace(POPULARITY, model="resumed"), run_folders)
    assert 1000 < record.seconds.train < 1100


CHEATS = """
    from dataclasses import dataclass
    from recbench import CTRModel, FitResult
    from recbench.errors import UsageError

    @dataclass(frozen=True)
    class NoConfig:
        pass

    class Looks(CTRModel):
        '''Opens the test part while it should train.'''
        api = 1
        Config = NoConfig

        def fit(self, train, validate, run):
            train.dataset.open_test()
            return FitResult(1, validate(self), [])

    class LooksLate(Looks):
        '''Opens it once validation is over.'''

        def fit(self, train, validate, run):
            train.dataset.open_test()
            return FitResult(1, {}, [])

        def forward(self, features):
            return features.fields["item"].float()

    class Asks(Looks):
        '''Asks for it by its name.'''

        def fit(self, train, validate, run):
            train.dataset.part("test")
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Looks", "the valid part is closed: the test part has been opened"),
        ("LooksLate", "the test part was opened before; a run reads it once"),
        ("Asks", "the test part is sealed until training has ended"),
    ],
)
def test_a_model_that_looks_at_the_test_gets_no_record(install, run_folders, name, expected):
    install("cheats", {"cheats": CHEATS}, models={"cheat": f"cheats:{name}"})
    with pytest.raises(RuntimeError, match=expected):
        run(replace(POPULARITY, model="cheat"), run_folders)
    assert not list(run_folders.results.rglob("*.json"))


LARGE = """
    import torch
    from recbench_models.baselines.logistic_regression import LogisticRegression

    class Built(LogisticRegression):
        def __init__(self, schema, config):
            super().__init__(schema, config)
            raise MemoryError("Unable to allocate 8 GiB")

    class Fitted(LogisticRegression):
        def fit(self, train, validate, run):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    class Predicted(LogisticRegression):
        def predict(self, features):
            if len(features) > 100:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().predict(features)
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Built",
            r"^large ran out of memory \(.* by this process\): Unable to allocate 8 GiB; a",
        ),
        ("Fitted", r"^large ran out of memory \(.* by this process\): CUDA out of memory\. Tried"),
        ("Predicted", r"^predicting valid ran out .*training\.evaluation_batch_size=\d+, or less"),
    ],
)
def test_memory_that_runs_out_anywhere_ends_in_one_message(install, run_folders, name, expected):
    install("large", {"large": LARGE}, models={"large": f"large:{name}"})
    config = replace(BASE, model="large", model_config={})
    with pytest.raises(OutOfMemoryError, match=expected):
        run(config, run_folders)
    assert not list(run_folders.results.rglob("*.json"))


def test_a_loss_that_explodes_is_an_error_with_a_mend(run_folders):
    training = {**TRAINING, "optimizer": "sgd", "learning_rate": 1e30}
    with pytest.raises(TrainingError, match=r"in epoch 1, .*try a lower training\.learning_rate"):
        run(replace(BASE, training=training), run_folders)
