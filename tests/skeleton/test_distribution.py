"""What `recbench plugin new` writes: a distribution that passes every check, and the template."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from recbench.errors import RecbenchError, UsageError
from recbench.plugins import unpublished
from recbench.skeleton.distribution import Names, texts, write_distribution
from recbench.testing.plugin_checks import check_plugin

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "plugins" / "template"


def test_the_template_of_the_repository_is_what_a_user_gets():
    expected = texts(Names("model", "fm"))
    assert {name: (TEMPLATE / name).read_text("utf-8") for name in expected} == expected
    written = {path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*.*")}
    built = ("build/", "dist/", "recbench_fm.egg-info", ".pytest_cache", "__pycache__")
    assert {name for name in written if not any(each in name for each in built)} == set(expected)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_what_is_written_passes_every_check_as_it_is(kind, tmp_path, monkeypatch):
    names = Names(kind, f"fresh-{kind}")
    written = write_distribution(names, tmp_path / "new")
    assert [path.relative_to(tmp_path / "new").as_posix() for path in written] == [
        "pyproject.toml",
        ".gitignore",
        "README.md",
        f"recbench_fresh_{kind}/__init__.py",
        f"tests/test_fresh_{kind}.py",
    ]
    project = tomllib.loads(written[0].read_text("utf-8"))["project"]
    assert project["name"] == f"recbench-fresh-{kind}"
    target = f"recbench_fresh_{kind}:Fresh{kind.title()}"
    assert project["entry-points"] == {f"recbench.{kind}s": {f"fresh-{kind}": target}}
    monkeypatch.chdir(tmp_path / "new")
    monkeypatch.syspath_prepend(tmp_path / "new")
    results = check_plugin(unpublished(target))
    assert [each for each in results if not each.passed] == []


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_what_is_written_is_filled_in_and_formatted(kind, tmp_path):
    written = write_distribution(Names(kind, f"fresh-{kind}"), tmp_path)
    for path in written:
        assert "$" not in path.read_text("utf-8")
    settings = ("--line-length", "100", "--isolated")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--diff", *settings, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_the_tests_that_are_written_pass(tmp_path):
    write_distribution(Names("dataset", "fresh-tested"), tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'plugins'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "class_name"),
    [("fm", "FM"), ("deep-fm", "DeepFm"), ("tensor", "TensorModel"), ("none", "NoneModel")],
)
def test_a_class_is_named_after_the_plugin_and_hides_nothing(name, class_name):
    names = Names("model", name)
    assert names.class_name == class_name
    (package,) = (text for file, text in texts(names).items() if file.endswith("__init__.py"))
    assert class_name in {each.name for each in ast.parse(package).body if hasattr(each, "name")}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("My", "'My' cannot be a plugin's name; write up to 40 lower-case letters"),
        ("2-towers", "cannot be a plugin's name"),
        ("a_b", "cannot be a plugin's name"),
        ("../a", "cannot be a plugin's name"),
        ("a" * 41, "cannot be a plugin's name"),
        ("", "cannot be a plugin's name"),
        ("training", "'training' is what --set calls the training settings; choose another"),
        ("recbench-fm", "leave recbench- out of 'recbench-fm'"),
        ("din", r"the model 'din' is there already, of recbench \S+; choose another"),
    ],
)
def test_a_name_that_cannot_be_is_an_error_and_nothing_is_written(name, cause, tmp_path):
    with pytest.raises(UsageError, match=cause):
        write_distribution(Names("model", name), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="is there already and not empty; name another folder"):
            write_distribution(Names("model", "fresh"), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(RecbenchError, match=r"cannot be written to \(Not a directory\); name an"):
        write_distribution(Names("model", "fresh"), tmp_path / "mine.txt" / "new")
