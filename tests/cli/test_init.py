import os
import subprocess
import sys

import pytest

VERBS = [
    *("run", "suite", "tune"),
    *("leaderboard", "compare", "publish", "verify", "reproduce", "explain"),
    *("list", "data", "plugin", "doctor", "ops"),
]
OF_DATA = [f"data {verb}" for verb in ("import", "download", "prepare", "verify", "describe")]
OF_PLUGIN = ["plugin check", "plugin new"]


def test_help_names_every_verb_and_imports_nothing_heavy():
    code = """
import sys
from recbench.cli import main
sys.argv = ["recbench", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
print(sorted({"torch", "pandas", "duckdb", "pyarrow", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    *text, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    for verb in VERBS:
        assert any(f" {verb} " in line for line in text)
    assert done.stderr == ""


@pytest.mark.parametrize("verb", [*VERBS, *OF_DATA, *OF_PLUGIN])
def test_every_verb_explains_itself(recbench, verb):
    done = recbench(*verb.split(), "--help")
    assert done.status == 0
    assert f"recbench {verb} [OPTIONS]" in done.out


@pytest.mark.parametrize(
    "variable",
    [
        "RECBENCH_DATA",
        "RECBENCH_CACHE",
        "RECBENCH_RESULTS",
        "RECBENCH_PLUGINS",
        "RECBENCH_NO_PLUGINS",
    ],
)
def test_help_names_the_variable_beside_each_option_that_has_one(recbench, variable):
    assert variable in recbench("run", "--help").out


@pytest.mark.parametrize("arguments", [["rnu"], ["run", "--modles", "din"], ["data", "x"]])
def test_a_wrong_command_or_option_exits_with_2(recbench, arguments):
    done = recbench(*arguments)
    assert done.status == 2
    assert "Traceback" not in done.err


def test_a_mistake_ends_in_one_message_and_a_hint(recbench):
    done = recbench("list", "model")
    assert done.status == 2
    assert done.err.splitlines() == [
        "error: unknown value of list: 'model'; did you mean models?",
        "see recbench --help",
    ]


def test_a_failure_that_is_no_mistake_of_usage_exits_with_1(recbench):
    done = recbench("data", "prepare", "ml-100k")
    assert done.status == 1
    assert done.err.startswith("error: ml-100k: the raw files (u.data, u.item, u.user) are needed")
    assert "recbench --help" not in done.err


def test_an_interrupt_says_so_and_exits_with_130(recbench, monkeypatch):
    def interrupt(_names):
        raise KeyboardInterrupt

    monkeypatch.setattr("recbench.cli.listing._metrics", interrupt)
    done = recbench("list", "metrics")
    assert done.status == 130
    assert done.err == "error: interrupted; what was finished is kept\n"


def test_a_bug_keeps_its_traceback(recbench, monkeypatch):
    def bug(_names):
        raise ZeroDivisionError

    monkeypatch.setattr("recbench.cli.listing._metrics", bug)
    with pytest.raises(ZeroDivisionError):
        recbench("list", "metrics")


def test_a_reader_that_goes_away_ends_the_command_quietly():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from recbench.cli import main; main()", "list", "metrics"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
