import pytest

from recbench.errors import PluginError
from recbench.plugins import find, load_model

FAULTY = """
    from dataclasses import dataclass
    from recbench import Choice, CTRModel, Model

    @dataclass(frozen=True)
    class Config:
        dim: int = 8

    class Sound(CTRModel):
        api = 1
        Config = Config

    class Taskless(Model):
        api = 1
        Config = Config

    class WrongTask(Sound):
        task = "ctr"

    class Undeclared(CTRModel):
        api = 1

    class NoDataclass(Sound):
        class Config:
            dim = 8

    class Instance(Sound):
        Config = Config()

    class Settings(Sound):
        training_settings = None

    class Space(Sound):
        search_space = ["dim"]

    class Domain(Sound):
        search_space = {"dim": [1, 2]}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Taskless", "Taskless has no task; subclass recbench's CTRModel"),
        ("WrongTask", "WrongTask has no task"),
        ("Undeclared", "Undeclared.Config is None; declare a class with @dataclass"),
        ("NoDataclass", "NoDataclass.Config is <class .*>; declare a class"),
        ("Instance", r"Instance.Config is Config\(dim=8\); declare a class"),
        ("Settings", "Settings.training_settings is None; it must be a mapping"),
        ("Space", r"Space.search_space is \['dim'\]; it must be a mapping"),
        ("Domain", r"Domain.search_space\['dim'\] is \[1, 2\]; it must be a recbench Choice"),
    ],
)
def test_a_class_that_declares_something_else_is_refused_as_it_is_loaded(install, name, said):
    install("faulty", {"faulty": FAULTY}, models={"faulty": f"faulty:{name}"})
    with pytest.raises(PluginError, match=f"^model 'faulty' of faulty 1.0: {said}"):
        load_model(find("model", "faulty"))
