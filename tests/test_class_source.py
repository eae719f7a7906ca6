import pytest

from recbench.plugins import discover, load_model
from recbench.plugins.class_source import TASKS, ClassSource, place, read_class
from recbench.task import TASKS as ALL_TASKS


def test_every_task_has_a_base():
    assert set(TASKS.values()) == set(ALL_TASKS)


def test_the_source_of_every_model_says_what_its_class_does():
    for plugin in discover("model"):
        kind = load_model(plugin)
        assert read_class(plugin.target) == ClassSource(kind.task.name, kind.api), plugin.name


SEVEN = ClassSource("ctr", 7)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import recbench\nclass M(recbench.CTRModel):\n    api = 1", ClassSource("ctr", 1)),
        ("from recbench import model as m\nclass M(m.MetaModel): pass", ClassSource("cold-start")),
        (
            "from recbench import CTRModel as B\nclass M(B):\n    api: int = 7",
            ClassSource("ctr", 7),
        ),
        (
            "from recbench import CTRModel\nclass B(CTRModel):\n    api = 1\nM = B",
            ClassSource("ctr", 1),
        ),
        ("from recbench_models.sequence import din\nclass M(din.DIN): pass", ClassSource("ctr", 1)),
        ("class M(M): pass", ClassSource()),
        ("M = N\nN = M", ClassSource()),
        ("class M(make()): pass", ClassSource()),
        ("from recbench import *", ClassSource()),
        ("from numpy import ndarray as M", ClassSource()),
    ],
)
def test_bases_are_followed_and_nothing_runs(install, source, expected):
    install("mine", {"followed": f"{source}\nraise SystemExit"})
    assert read_class("followed:M") == expected


def test_bases_are_followed_through_a_package(install):
    package = install("mine") / "followed_package"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("from .deep.model import Mine\n")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "model.py").write_text("from ..base import Base\nclass Mine(Base): pass\n")
    (package / "base.py").write_text("from recbench import CTRModel\nclass Base(CTRModel): pass\n")
    for target in ("followed_package:Mine", "followed_package.deep.model:Mine"):
        assert read_class(target) == ClassSource("ctr")
    assert place("followed_package.deep") == package
    assert read_class("followed_package.none:Mine") == ClassSource()


def test_what_is_not_there_or_no_python_is_an_error(install):
    install("mine", {"unreadable": "class"})
    with pytest.raises(ModuleNotFoundError, match="there is no module 'nowhere'"):
        read_class("nowhere.deep:M")
    with pytest.raises(SyntaxError):
        read_class("unreadable:M")


def test_a_file_of_no_text_is_an_error(install):
    (install("mine") / "no_text.py").write_bytes(b"class M: pass\0")
    with pytest.raises((SyntaxError, ValueError), match="null bytes"):
        read_class("no_text:M")
