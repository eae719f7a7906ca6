import json
import shlex
from dataclasses import replace

import pyarrow.feather
import pytest
import torch
from heard import Heard

from recbench.data import open_loader
from recbench.errors import RecbenchError, UsageError
from recbench.evaluate import predict
from recbench.explanation.command import command
from recbench.explanation.kept import open_kept
from recbench.plugins import find, load_model
from recbench.progress import SILENT
from recbench.record import RunRecord, predictions_path, state_path
from recbench.training import save_checkpoint


@pytest.mark.parametrize("model", ["din", "sim", "ple"])
def test_the_model_that_was_kept_predicts_what_the_run_has_predicted(finished, model):
    kept = finished(model)
    opened = open_kept(kept.path, kept.folders, SILENT)
    assert not opened.model.training
    test = opened.dataset.open_test()
    loader = open_loader(opened.dataset, test, opened.model.reads, 4096)
    found = predict(opened.model, loader, torch.device("cpu"))
    rows = pyarrow.feather.read_table(predictions_path(kept.path)).to_pydict()
    for name, column in found.items():
        assert column.tolist() == rows[name]


def test_a_run_that_kept_nothing_says_which_command_keeps_it(copy_of):
    kept = copy_of("din")
    state_path(kept.path).unlink()
    with pytest.raises(UsageError, match="has not kept its model; this makes it again:\nrecbench"):
        open_kept(kept.path, kept.folders, SILENT)


def test_the_state_of_another_run_is_refused(copy_of):
    kept = copy_of("din")
    save_checkpoint(torch.nn.Linear(2, 2), state_path(kept.path), {"recbench.key": "other"})
    with pytest.raises(RecbenchError, match="is not of the run of .*\nrecbench run"):
        open_kept(kept.path, kept.folders, SILENT)
    state_path(kept.path).write_bytes(b"no checkpoint")
    with pytest.raises(RecbenchError, match="is not of the run of"):
        open_kept(kept.path, kept.folders, SILENT)


def test_a_state_that_does_not_fit_is_an_error(copy_of):
    kept = copy_of("din")
    key = RunRecord.load(kept.path).key
    save_checkpoint(torch.nn.Linear(2, 2), state_path(kept.path), {"recbench.key": key})
    with pytest.raises(RecbenchError, match="does not fit din"):
        open_kept(kept.path, kept.folders, SILENT)


def change(path, *keys, value):
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_other_code_of_the_model_is_refused(copy_of):
    kept = copy_of("din")
    change(kept.path, "model", "hash", value="other")
    with pytest.raises(RecbenchError, match="the code of din is not that of the record, made with"):
        open_kept(kept.path, kept.folders, SILENT)


def test_other_data_are_refused(copy_of):
    kept = copy_of("din")
    change(kept.path, "dataset", "fingerprints", "train", value="other")
    with pytest.raises(RecbenchError, match="the data of taobao are not .*: train differ;"):
        open_kept(kept.path, kept.folders, SILENT)


def test_other_code_of_recbench_is_told(copy_of, monkeypatch):
    monkeypatch.setattr("recbench.recording.package_hash", lambda name: "other")
    kept, heard = copy_of("din"), Heard()
    open_kept(kept.path, kept.folders, heard)
    assert heard.about("recbench or its native code has changed since")


def test_a_model_without_weights_to_show_is_told_apart(copy_of):
    kept = copy_of("din")
    change(kept.path, "model", "name", value="popularity")
    change(kept.path, "model", "config", value={})
    with pytest.raises(UsageError, match="popularity has no weights to show: its class does not"):
        open_kept(kept.path, kept.folders, SILENT)


@pytest.mark.parametrize("model", ["din", "sim", "ple"])
def test_the_command_makes_the_same_run(finished, model, monkeypatch):
    kept = finished(model)
    record = RunRecord.load(kept.path)
    words = shlex.split(command(record, load_model(find("model", model)), kept.folders.results))
    asked = []
    monkeypatch.setattr("recbench.suite.runs.run", lambda config, *_, **__: asked.append(config))
    monkeypatch.setattr("recbench.cli.making._show", lambda *_, **__: None)
    monkeypatch.setattr("sys.argv", [*words, "--in-process"])
    from recbench.cli import app

    with pytest.raises(SystemExit):
        app()
    from recbench.pipeline import check

    (config,) = asked
    assert check(config, kept.folders)[0].plain() == record.config
    assert words[-1] == "--keep-model"
    assert words[words.index("--results") + 1] == str(kept.folders.results)


def test_the_command_leaves_out_defaults(finished):
    kept = finished("ple")
    record = replace(RunRecord.load(kept.path), seed=5)
    line = command(record, load_model(find("model", "ple")), None)
    assert line == (
        "recbench run --models ple --dataset mmoe-synthetic --protocol shares --source simulated "
        "--size tiny --seeds 5 --device cpu --set training.epochs=1 --keep-model"
    )
    record.config["device"] = "cuda:3"  # a card that another machine may not have
    assert "--device cuda --set" in command(record, load_model(find("model", "ple")), None)
