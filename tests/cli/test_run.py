import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from recbench.record import RunRecord

ON_TINY = ("--dataset", "taobao", "--size", "tiny", "--limit", "500", "--device", "cpu")
PATIENCE = 120.0
MODELS = """
    import os, subprocess, time
    from pathlib import Path
    from dataclasses import dataclass
    from recbench import CTRModel, FitResult

    @dataclass(frozen=True)
    class NoConfig:
        pass

    class Raises(CTRModel):
        api = 1
        Config = NoConfig

        def fit(self, train, validate, run):
            return FitResult(1, validate(self), [])

        def forward(self, features):
            raise ZeroDivisionError("in forward")

    class Sleeps(Raises):
        def forward(self, features):
            started = subprocess.Popen(["sleep", "60"], start_new_session=True)
            asleep = Path(os.environ["ASLEEP"])
            asleep.with_suffix(".draft").write_text(str(started.pid))
            asleep.with_suffix(".draft").rename(asleep)
            time.sleep(60)

    class Prints(Raises):
        def forward(self, features):
            print("from a forward")
            return features.fields["item"] * 0.5

    print("from an import")
"""


@pytest.fixture
def site(install):
    models = {name.lower(): f"odd_models:{name}" for name in ("Raises", "Sleeps", "Prints")}
    return install("odd-models", {"odd_models": MODELS}, models=models)


def records(tmp_path):
    paths = sorted((tmp_path / "results").glob("*-v*/*/*/*.json"))
    return [RunRecord.load(path) for path in paths]


def test_models_and_seeds_are_run_and_shown(recbench, tmp_path):
    quick = ("--set", "training.epochs=1", "--set", "din-base.mlp=[8]")
    done = recbench("run", "--models", "popularity,din-base", *ON_TINY, "--seeds", "1,2", *quick)
    assert done.status == 0
    made = records(tmp_path)
    assert sorted((record.model.name, record.seed) for record in made) == [
        ("din-base", 1), ("din-base", 2), ("popularity", 1), ("popularity", 2),
    ]  # fmt: skip
    base = next(record for record in made if record.model.name == "din-base")
    assert base.model.config["mlp"] == [8]
    assert base.config["training"]["epochs"] == 1
    assert "taobao v1" in done.out
    assert "SIMULATED" in done.out
    assert "[4/4] din-base on taobao, seed 2" in done.err
    assert "\x1b" not in done.out + done.err


def test_json_is_the_records_and_nothing_else(recbench, tmp_path):
    done = recbench("run", "--models", "popularity", *ON_TINY, "--json")
    assert done.status == 0
    found = json.loads(done.out)
    assert found["failed"] == []
    (record,) = records(tmp_path)
    assert found["records"][0]["key"] == record.key
    assert found["records"][0]["scores"] == record.scores


def test_what_a_model_prints_is_no_part_of_the_json(recbench, site):
    done = recbench("run", "--models", "prints", *ON_TINY, "--json")
    assert len(json.loads(done.out)["records"]) == 1
    assert "from a forward" in done.err


def test_what_a_module_prints_as_it_is_imported_is_no_part_of_a_list(recbench, site):
    done = recbench("list", "models", "prints", "--json")
    assert len(json.loads(done.out)) == 1
    assert "from an import" in done.err


def test_a_failed_run_is_told_and_exits_with_1_after_the_rest(recbench, site, tmp_path):
    done = recbench("run", "--models", "raises,popularity", *ON_TINY)
    assert done.status == 1
    assert "FAILED raises on taobao, seed 1: ZeroDivisionError: in forward (log: " in done.err
    assert [record.model.name for record in records(tmp_path)] == ["popularity"]
    assert "popularity" in done.out
    assert "1 run failed; to make only what failed again:\n  recbench run --models" in done.err
    found = json.loads(recbench("run", "--models", "raises,popularity", *ON_TINY, "--json").out)
    (failed,) = found["failed"]
    assert "in forward" in Path(failed.pop("log")).read_text()
    expected = {"model": "raises", "config": "", "dataset": "taobao", "seed": 1}
    assert failed == expected | {"error": "ZeroDivisionError: in forward"}
    assert len(found["records"]) == 1


RAISING = 'raise ZeroDivisionError("in forward")'
MENDED = 'return __import__("torch").zeros(len(features))'


@pytest.mark.parametrize("where", ["in forward", "at import"])
def test_what_failed_is_made_again_once_its_code_is_mended(recbench, site, where):
    command = ("run", "--models", "popularity,raises", *ON_TINY)
    code = site / "odd_models.py"
    if where == "at import":
        code.write_text(f"import nosuchmodule\n{code.read_text()}")
    assert recbench(*command, isolated=True).status == 1
    mended = code.read_text().replace(RAISING, MENDED).replace("import nosuchmodule\n", "")
    code.write_text(mended)
    done = recbench(*command, "--failed", isolated=True)
    assert done.status == 0, done.err
    assert "[1/1] raises on taobao, seed 1" in done.err
    none = recbench(*command, "--failed", isolated=True)
    assert (none.status, none.out) == (0, "")
    assert "none of these runs has failed" in none.err


def test_runs_in_this_process_are_shown_and_chosen_as_others_are(recbench, site, tmp_path):
    command = ("run", "--models", "popularity,raises", *ON_TINY)
    assert recbench(*command, "--dry-run").out.endswith("2 runs: 2 waiting\n")
    assert recbench(*command[:2], "raises", *ON_TINY, "--dry-run").out.endswith(
        "1 run: 1 waiting\n"
    )
    assert not records(tmp_path)
    recbench(*command)
    states = json.loads(recbench(*command, "--dry-run", "--json").out)
    assert [each["state"] for each in states] == ["done", "failed"]
    again = recbench(*command, "--failed")
    assert again.status == 1
    assert "[1/1] raises on taobao, seed 1" in again.err


def test_a_run_made_before_is_made_again_only_when_asked(recbench, tmp_path):
    command = ("run", "--models", "popularity", *ON_TINY)
    recbench(*command)
    path = next((tmp_path / "results").rglob("*.json"))
    first = path.stat().st_mtime_ns
    assert "done before" in recbench(*command).err
    assert path.stat().st_mtime_ns == first
    assert "done before" not in recbench(*command, "--again").err
    assert path.stat().st_mtime_ns > first


def write_config(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(
        'model = "popularity"\nseed = 5\ndevice = "cpu"\n'
        '[data]\ndataset = "taobao"\nsize = "tiny"\nlimit = 500\n'
    )
    return path


def test_a_configuration_file_is_run(recbench, tmp_path):
    done = recbench("run", "--config", str(write_config(tmp_path)), "--set", "training.epochs=2")
    assert done.status == 0
    (record,) = records(tmp_path)
    assert (record.seed, record.config["training"]["epochs"]) == (5, 2)


@pytest.mark.parametrize("option", ["models", "dataset", "seeds", "size", "limit", "device"])
def test_an_option_that_the_configuration_file_decides_is_refused(recbench, tmp_path, option):
    done = recbench("run", "--config", str(write_config(tmp_path)), f"--{option}", "1")
    assert done.status == 2
    assert f"leave out --{option} or set it there" in done.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "give either --models and --dataset, or --config FILE"),
        (("--models", "din"), "give either --models and --dataset"),
        (("--models", "dni", "--dataset", "taobao"), "unknown model 'dni'; did you mean din"),
        (("--models", "din,din", "--dataset", "taobao"), "give one or more different names"),
        (("--models", "din", "--dataset", "tabao"), "unknown dataset 'tabao'; did you mean taobao"),
        (("--models", "din", *ON_TINY, "--seeds", "1,x"), "'x' is not a whole number"),
        (("--models", "din", *ON_TINY, "--seeds", "-1"), "'-1' is not a whole number"),
        (("--models", "din", *ON_TINY, "--seeds", "1,01"), "the same seed is there twice"),
        (("--models", "din", *ON_TINY, "--jobs", "2"), "without limits; leave out --jobs"),
        (("--models", "din", *ON_TINY, "--threads", "1"), "without limits; leave out --jobs"),
        (("--models", "din", *ON_TINY, "--set", "training.decay=NaN"), "'decay' must be finite"),
        (("--models", "din", *ON_TINY, "--seeds", "4294967296"), "it must be from 0 to 4294967295"),
        (("--models", "din", *ON_TINY, "--source", "rael"), "'rael'; did you mean real"),
        (("--models", "din", *ON_TINY, "--protocol", "tme"), "'tme'; did you mean time"),
        (("--models", "din", *ON_TINY, "--set", "din.x"), "write MODEL.FIELD=VALUE"),
        (("--models", "din", *ON_TINY, "--set", "dien.x=1"), "unknown target of --set 'dien'"),
        (("--models", "din", *ON_TINY, "--set", "din.mpl=1"), "'mpl'; did you mean mlp"),
        (("--models", "din", *ON_TINY, "--set", "din.mlp=1"), "field 'mlp' must be tuple, got 1"),
        (("--models", "din", *ON_TINY, "--set", "training.monitor=acu"), "did you mean auc"),
        (("--models", "din", *ON_TINY, "--limit", "-1"), "the limit is -1"),
        (("--models", "din", *ON_TINY, "--device", "gpu"), "device 'gpu' cannot be used"),
        (("--config", "none.toml"), "cannot read the configuration none.toml"),
    ],
)
def test_a_mistake_exits_with_2_and_says_how_to_mend_it(recbench, tmp_path, arguments, expected):
    done = recbench("run", *arguments)
    assert (done.status, done.out) == (2, "")
    assert expected in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_second_run_keeps_the_first_and_ends_all_that_was_started(
    site, tiny_folders, tmp_path, number
):
    asleep = tmp_path / "asleep"
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "RECBENCH_CACHE": str(tiny_folders.cache),
        "RECBENCH_RESULTS": str(tmp_path / "results"),
        "RECBENCH_DATA": "",
        "ASLEEP": str(asleep),
    }
    command = [sys.executable, "-c", "from recbench.cli import main; main()", "run"]
    command += ["--models", "popularity,sleeps", *ON_TINY]
    process = subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore the signal.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    deadline = time.monotonic() + PATIENCE
    while not asleep.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number, said
    assert said.endswith("error: interrupted; what was finished is kept\n")
    assert [record.model.name for record in records(tmp_path)] == ["popularity"]
    assert ends(int(asleep.read_text()))


def ends(pid: int) -> bool:
    """Return whether a process soon is no more, but for what is left until it is waited for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


UNPUBLISHED = """
    from recbench_models.baselines.popularity import Popularity

    class Crowd(Popularity):
        pass
"""


def test_a_class_that_is_not_installed_runs_and_its_record_says_so(
    recbench, install, tmp_path, monkeypatch
):
    monkeypatch.chdir(install("nothing", {"crowd_here": UNPUBLISHED}))
    options = ("--models", "crowd", "--dataset", "taobao", "--size", "tiny", "--json")
    done = recbench("run", *options, "--plugin", "crowd_here:Crowd")
    assert done.status == 0, done.err
    (record,) = json.loads(done.out)["records"]
    model = record["model"]
    assert (model["name"], model["distribution"], model["version"]) == ("crowd", "unpublished", "")
    assert len(model["hash"]) == 64
    (path,) = (tmp_path / "results").glob("*/*/crowd/*.json")
    assert recbench("reproduce", str(path), "--plugin", "crowd_here:Crowd").status == 0
    assert "unknown model 'crowd'" in recbench("reproduce", str(path)).err
    assert recbench("run", *options).status == 2


def test_what_is_switched_off_does_not_run(recbench):
    done = recbench("run", "--models", "din", "--dataset", "taobao", "--no-plugin", "din")
    assert (done.status, done.out) == (2, "")
    assert "the model 'din' of recbench" in done.err
    assert "is switched off (--no-plugin or RECBENCH_NO_PLUGINS=din)" in done.err


def test_a_damaged_study_is_named_below_the_table_of_finished_runs(recbench, study, tmp_path):
    path = replace(study, dataset="taobao").save(tmp_path / "results")
    path.write_text("{", encoding="utf-8")
    done = recbench("run", "--models", "popularity", *ON_TINY)
    assert done.status == 0, done.err
    assert "popularity" in done.out
    assert f"{path} is no study" in "".join(done.out.split("\n"))
    assert recbench("leaderboard").status == 0
