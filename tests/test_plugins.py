import subprocess
import sys

import pytest

from recbench.errors import PluginError, UsageError
from recbench.folders import Folders
from recbench.plugins import (
    choosing,
    discover,
    find,
    imported,
    load_dataset,
    load_model,
    source_hash,
    unpublished,
)

MODEL = """
    from dataclasses import dataclass
    from recbench import CTRModel

    @dataclass(frozen=True)
    class Config:
        pass

    class Mine(CTRModel):
        api = 1
        Config = Config

    class Old(Mine):
        api = 0

    class New(Mine):
        api = 2

    class Undated(CTRModel):
        pass

    def function():
        pass
"""
DATASET = """
    from recbench import Card, Dataset

    class Mine(Dataset):
        api = 1
        card = "a card"
"""


def test_the_built_in_plugins_come_by_the_same_door():
    models = {plugin.name: plugin for plugin in discover("model")}
    assert {"popularity", "din", "dien", "sim"} <= set(models)
    assert models["din"].distribution == "recbench"
    assert "taobao" in {plugin.name for plugin in discover("dataset")}


def test_plugins_are_found_without_being_imported(install):
    bomb = "raise RuntimeError('imported')"
    install("my-models", {"bomb_plugin": bomb}, "2.1", models={"mine": "bomb_plugin:Mine"})
    plugin = find("model", "mine")
    found = (plugin.kind, plugin.target, plugin.distribution, plugin.version)
    assert found == ("model", "bomb_plugin:Mine", "my-models", "2.1")
    assert [p.name for p in discover("model")] == sorted(p.name for p in discover("model"))
    assert "bomb_plugin" not in sys.modules


def test_a_model_and_a_dataset_are_loaded(install):
    install(
        "mine",
        {"mine_model": MODEL, "mine_data": DATASET},
        models={"mine": "mine_model:Mine"},
        datasets={"mine": "mine_data:Mine"},
    )
    assert load_model(find("model", "mine")).__name__ == "Mine"
    assert load_dataset(find("dataset", "mine")).card == "a card"


def test_an_unknown_name_gets_the_right_one():
    with pytest.raises(UsageError, match="unknown model 'dni'; did you mean din"):
        find("model", "dni")
    with pytest.raises(UsageError, match="unknown dataset 'tabao'; did you mean taobao"):
        find("dataset", "tabao")


def test_imported_datasets_are_found_after_those_of_distributions(tmp_path):
    for name in ("shop", "taobao", "empty"):
        (tmp_path / name).mkdir()
    for name in ("shop", "taobao"):
        (tmp_path / name / "recbench.toml").write_text("not read")
    folders = Folders(tmp_path, tmp_path, tmp_path)
    assert [plugin.name for plugin in imported(folders)] == ["shop", "taobao"]
    found = find("dataset", "shop", folders)
    assert (found.distribution, found.card) == ("imported", tmp_path / "shop" / "recbench.toml")
    assert find("dataset", "taobao", folders).distribution == "recbench"
    with pytest.raises(UsageError, match="unknown model 'shop'"):
        find("model", "shop", folders)


def test_two_distributions_with_one_name_are_an_error_that_names_both(install):
    install("first", version="1.0", models={"mine": "a:A"})
    install("second", version="2.0", models={"mine": "b:B"})
    expected = r"the model 'mine' is registered by first 1\.0 and second 2\.0; uninstall one"
    with pytest.raises(PluginError, match=expected):
        find("model", "mine")
    assert find("model", "din")
    with choosing([], ["second"]):
        assert find("model", "mine").distribution == "first"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("mine_model:Old", r"is written for plugin API 0; this recbench has 1\. Install"),
        ("mine_model:Undated", "is written for plugin API None"),
        ("mine_model:function", r"mine_model:function is not a subclass of recbench\.Model"),
        ("mine_model:Config", "is not a subclass"),
        ("mine_model:Missing", "cannot be imported from mine_model:Missing: AttributeError"),
        ("mine_model", "cannot be imported from mine_model: "),
        ("no_such_module:Mine", "cannot be imported from no_such_module:Mine: ModuleNotFoundError"),
        ("mine_model:New", r"is written for plugin API 2; this recbench has 1\. Install"),
        ("broken_model:Mine", "ZeroDivisionError: division by zero"),
        ("leaving_model:Mine", r"its code called sys\.exit\(3\)"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_an_error_that_names_it(install, target, expected):
    modules = {"mine_model": MODEL, "broken_model": "1 / 0"}
    modules["leaving_model"] = "raise SystemExit(3)"
    install("my-models", modules, "2.1", models={"mine": target})
    with pytest.raises(PluginError, match=expected) as caught:
        load_model(find("model", "mine"))
    assert "model 'mine' of my-models 2.1" in str(caught.value)


def test_a_dataset_is_no_model(install):
    install("mine", {"mine_model": MODEL}, datasets={"mine": "mine_model:Mine"})
    with pytest.raises(PluginError, match=r"not a subclass of recbench\.Dataset"):
        load_dataset(find("dataset", "mine"))


@pytest.fixture
def here(install, monkeypatch):
    """The current directory, with models and a dataset that nothing installs."""
    site = install("nothing", {"here_models": MODEL, "here_data": CARDED, "here_bomb": "1 / 0"})
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(site)])
    monkeypatch.chdir(site)
    return site


CARDED = """
    from types import SimpleNamespace
    from recbench import Dataset

    class Plays(Dataset):
        api = 1
        card = SimpleNamespace(name="my-plays")

    class Bare(Dataset):
        api = 1
"""


def test_a_class_that_is_not_installed_is_found_in_the_current_directory(here):
    with choosing(["here_models:Mine", "other=here_models:Mine", "here_data:Plays"], []):
        mine, other = find("model", "mine"), find("model", "other")
        data = find("dataset", "my-plays")
    for plugin, target in ((mine, "here_models:Mine"), (other, "here_models:Mine")):
        assert (plugin.distribution, plugin.version) == ("unpublished", "")
        assert (plugin.target, plugin.origin) == (target, str(here / "here_models.py"))
        assert len(source_hash(plugin)) == 64
        assert load_model(plugin).__name__ == "Mine"
    assert data.owner == "unpublished here_data:Plays"
    assert load_dataset(data).card.name == "my-plays"
    with pytest.raises(UsageError, match="unknown model 'mine'"):
        find("model", "mine")


@pytest.mark.parametrize(
    ("text", "error", "cause"),
    [
        ("here_models", UsageError, "'here_models': write MODULE:CLASS"),
        ("=here_models:Mine", UsageError, "write MODULE:CLASS, or NAME=MODULE:CLASS"),
        ("a/b=here_models:Mine", UsageError, "with a name of letters, digits, - and _"),
        ("plays=here_data:Plays", UsageError, "card calls it my-plays; leave out plays="),
        ("here_data:Bare", PluginError, "dataset 'Bare' .* has no card: AttributeError"),
        ("here_models:function", PluginError, r"is no subclass of recbench\.Model or recbench\."),
        ("here_models:Old", None, ""),
        ("here_bomb:Mine", PluginError, "the unpublished plugin cannot be imported from here_bomb"),
    ],
)
def test_a_class_that_is_no_plugin_is_an_error(here, text, error, cause):
    if error is None:  # what is written for another API is told once it is loaded
        with pytest.raises(PluginError, match="is written for plugin API 0"):
            load_model(unpublished(text))
        return
    with pytest.raises(error, match=cause):
        unpublished(text)


def test_a_name_that_is_taken_is_an_error_that_names_both(here):
    with choosing(["din=here_models:Mine"], []):
        with pytest.raises(PluginError, match=r"recbench \S+ and unpublished here_models:Mine"):
            find("model", "din")
        with choosing([], ["din"]):
            assert find("model", "din").target == "here_models:Mine"


def test_what_is_switched_off_is_not_there_and_says_so(install, monkeypatch):
    install("extra", models={"mine": "a:A"})
    with choosing([], ["extra"]):
        assert "mine" not in {plugin.name for plugin in discover("model")}
        expected = (
            r"'mine' of extra 1\.0 is switched off \(--no-plugin or RECBENCH_NO_PLUGINS=extra\)"
        )
        with pytest.raises(UsageError, match=expected):
            find("model", "mine")
    monkeypatch.setenv("RECBENCH_NO_PLUGINS", "1")
    assert {plugin.distribution for plugin in discover("model")} == {"recbench"}
    with pytest.raises(UsageError, match="RECBENCH_NO_PLUGINS=1"):
        find("model", "mine")


def test_to_switch_off_what_is_not_there_is_an_error():
    with pytest.raises(UsageError, match="unknown plugin of --no-plugin 'dni'; did you mean din"):
        choosing([], ["dni"]).__enter__()


def test_discovery_imports_nothing_heavy():
    code = """
import sys
from recbench.plugins import discover
assert len(discover("model")) > 3
print(sorted({"torch", "pandas", "duckdb", "pyarrow", "recbench_models"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
