import os
import subprocess
import sys

import pytest

from recbench.errors import UsageError
from recbench.plugins.choice import PluginChoice, chosen


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    for name in ("RECBENCH_PLUGINS", "RECBENCH_NO_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def test_variables_are_lists_and_empty_or_0_is_nothing(monkeypatch):
    assert PluginChoice.from_environment() == PluginChoice()
    monkeypatch.setenv("RECBENCH_PLUGINS", "a:A, b=c:D,")
    monkeypatch.setenv("RECBENCH_NO_PLUGINS", "0")
    assert PluginChoice.from_environment() == PluginChoice(("a:A", "b=c:D"))


def test_switched_off_are_names_distributions_or_all_but_recbenchs_own():
    assert PluginChoice(off=("1",)).is_off("recbench-fm", "fm")
    assert not PluginChoice(off=("1",)).is_off("recbench", "din")
    for name in ("recbench-fm", "fm"):
        assert PluginChoice(off=(name,)).is_off("recbench-fm", "fm")
    assert not PluginChoice(off=("ffm",)).is_off("recbench-fm", "fm")


def test_a_choice_adds_to_that_of_the_environment_and_reaches_child_processes(monkeypatch):
    monkeypatch.setenv("RECBENCH_PLUGINS", "a:A")
    code = "from recbench.plugins.choice import *; print(PluginChoice.from_environment())"
    with chosen(["b:B", "a:A"], ["din"]):
        expected = PluginChoice(("a:A", "b:B"), ("din",))
        assert PluginChoice.from_environment() == expected
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == f"{expected}\n"
    assert os.environ["RECBENCH_PLUGINS"] == "a:A"
    assert "RECBENCH_NO_PLUGINS" not in os.environ


def test_to_add_a_plugin_where_none_is_allowed_is_an_error_that_changes_nothing(monkeypatch):
    monkeypatch.setenv("RECBENCH_NO_PLUGINS", "1")
    with pytest.raises(UsageError, match="=1 allows no plugin, and a:A is to be added"):
        chosen(["a:A"], []).__enter__()
    assert "RECBENCH_PLUGINS" not in os.environ
