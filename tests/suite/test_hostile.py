"""Plugins that do what none should, each in a run of its own beside others that are sound."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from recbench.record import RunRecord
from recbench.scored import load_predictions
from recbench.suite.limits import cores

FAILS = {
    "import-raises": r"cannot be imported from .*: ImportError: no module named 'their_dependency'",
    "import-exits": r"sys\.exit\(3\)",
    "import-segfaults": r"ended by signal 11 \(SIGSEGV\)",
    "twice": r"registered by hostile 1\.0 and hostile-too 1\.0; uninstall one",
    "old-api": r"is written for plugin API 0; this recbench has 1",
    "newer-api": r"is written for plugin API 99; this recbench has 1",
    "build-raises": r"^KeyError: 'no such field'$",
    "forward-raises": r"^ZeroDivisionError: in forward$",
    "loss-raises": r"^IndexError: in loss$",
    "wrong-shape": r"returned shape \(\d+, 1\) for \d+ examples; it must return one logit each",
    "predicts-nan": r"predictions for valid are not finite; try a lower",
    "loss-nan": r"the training loss is nan in epoch 1",
    "too-large": r"^training step 1 of epoch 1 ran out of memory with 256 examples at a time "
    r"\(.* by this process\): 32 of them went through, found by halving: "
    r"--set training\.batch_size=32, or less",
    "exits": r"^the plugin's code called sys\.exit\(0\)$",
    "exits-at-once": r"ended by itself, with exit code 0, before the work was done",
    "segfaults": r"ended by signal 11 \(SIGSEGV\)",
    "relabels": r"^the run has left label \(float32\), prediction \(float32\) for test, "
    r"and what is kept for ctr is prediction \(float32\); the model's code must not change",
    "leaks": r"^it used \d\.\d\d GiB of memory, and the limit is 1\.5$",
}
TRACED = {
    "import-raises": "import_raises.py",
    "import-exits": "import_exits.py",
    "import-segfaults": "import_segfaults.py",
    "build-raises": "in __init__",
    "forward-raises": "said before it failed",
    "loss-raises": 'raise IndexError("in loss")',
    "too-large": 'raise torch.OutOfMemoryError("Tried to allocate 20.00 MiB")',
    "exits": "sys.exit(0)",
    "segfaults": "in forward",
}
MADE = ("sound", "learns", "mutates", "prints", "forks", "meddles", "peeks", "counts")
ON_TINY = ("--dataset", "taobao", "--size", "tiny", "--limit", "300", "--device", "cpu")


def distribution(site, name, targets):
    about = site / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{model} = {target}" for model, target in targets.items()]
    (about / "entry_points.txt").write_text("\n".join(["[recbench.models]", *lines]))


def target_of(model):
    if model.startswith("import-"):
        return f"hostile.{model.replace('-', '_')}:Model"
    name = "".join(part.capitalize() for part in model.split("-")).replace("Api", "API")
    return f"hostile.models:{name}"


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_folders):
    """Return a folder for results, and a function that makes runs, isolated, in `--json`."""
    root = tmp_path_factory.mktemp("hostile")
    models = [*FAILS, *MADE, "hangs"]
    distribution(root / "site", "hostile", {model: target_of(model) for model in models})
    distribution(root / "site", "hostile-too", {"twice": "hostile.models:Sound"})
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(root / "site"), str(Path(__file__).parent), *sys.path]),
        "RECBENCH_CACHE": str(tiny_folders.cache),
        "RECBENCH_RESULTS": str(root / "results"),
        "RECBENCH_DATA": "",
        "HOSTILE_PIDS": str(root / "pids"),
    }

    def make(models, *options):
        command = [sys.executable, "-c", "from recbench.cli import main; main()", "run", "--json"]
        command += ["--models", ",".join(models), *ON_TINY, "--threads", "1", *options]
        done = subprocess.run(
            command, env=environment, cwd=root, capture_output=True, text=True, timeout=300
        )
        return done, json.loads(done.stdout)

    return root, make


@pytest.fixture(scope="module")
def ended(home):
    """Return what became of all models but the one that hangs."""
    settings = ("--set", "training.epochs=1", "--jobs", str(min(2, cores())))
    settings += ("--memory-limit", "1.5")
    return home[1]([*FAILS, *MADE], *settings)


@pytest.fixture(scope="module")
def failed(ended):
    return {each["model"]: each for each in ended[1]["failed"]}


@pytest.fixture(scope="module")
def records(home):
    paths = home[0].joinpath("results").glob("taobao-v1/*/*/*.json")
    return {path.parent.name: path for path in paths}


def test_each_ends_in_one_cell_and_the_rest_goes_on(ended, failed):
    done, found = ended
    assert done.returncode == 1
    assert sorted(failed) == sorted(FAILS)
    assert len(found["failed"]) == len(FAILS)
    assert sorted(each["model"]["name"] for each in found["records"]) == sorted(MADE)
    assert f"{len(FAILS)} runs failed; to make only what failed again" in done.stderr


@pytest.mark.parametrize("model", FAILS)
def test_the_cause_is_said_and_the_log_has_the_rest(failed, home, model):
    assert re.search(FAILS[model], failed[model]["error"])
    log = home[0] / failed[model]["log"]
    assert TRACED.get(model, "") in log.read_text()


def test_what_a_plugin_prints_goes_to_its_log_alone(ended, home):
    done, found = ended
    assert "from a plugin" not in done.stdout + done.stderr
    (log,) = home[0].glob("results/.runs/taobao-prints-*.log")
    assert "straight to the descriptor" in log.read_text()


def test_no_process_is_left(ended, home):
    pids = [int(pid) for pid in (home[0] / "pids").read_text().split()]
    assert len(pids) == 3
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def test_one_that_overwrites_its_batches_harms_itself_alone(ended, records):
    sound, mutates = (load_predictions(records[name]) for name in ("sound", "mutates"))
    for name in ("user", "item", "time", "label"):
        assert (sound[name] == mutates[name]).all()
    alone = RunRecord.load(records["sound"]).scores
    assert alone != RunRecord.load(records["mutates"]).scores


def test_scores_are_computed_where_no_plugin_can_change_them(ended, records):
    meddles, sound = (RunRecord.load(records[name]) for name in ("meddles", "sound"))
    assert meddles.validation["auc"] == 1.0  # it did change the metric of its own process
    assert meddles.scores == sound.scores


def test_a_model_that_looks_everywhere_finds_validation_labels_and_no_test_labels(ended, records):
    peeks = RunRecord.load(records["peeks"])
    assert peeks.validation["auc"] == 1.0
    assert peeks.scores["auc"] == 0.5


def test_the_place_of_an_example_in_its_batch_tells_nothing(ended, records):
    counts = RunRecord.load(records["counts"])
    assert abs(counts.validation["auc"] - 0.5) < 0.1
    assert abs(counts.scores["auc"] - 0.5) < 0.1


def test_one_that_hangs_is_ended_and_its_log_says_where_it_was(home):
    done, found = home[1](["hangs"], "--time-limit", "2")
    assert done.returncode == 1
    (failed,) = found["failed"]
    assert failed["error"] == "it took longer than the time limit of 2 s"
    assert "in forward" in (home[0] / failed["log"]).read_text()
