import subprocess
import sys

import pytest

from recbench.errors import PluginError, UsageError
from recbench.folders import Folders
from recbench.plugins import (
    discover,
    find,
    imported,
    load_dataset,
    load_model,
    package_hash,
    source_hash,
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
        ("broken_model:Mine", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_an_error_that_names_it(install, target, expected):
    modules = {"mine_model": MODEL, "broken_model": "1 / 0"}
    install("my-models", modules, "2.1", models={"mine": target})
    with pytest.raises(PluginError, match=expected) as caught:
        load_model(find("model", "mine"))
    assert "model 'mine' of my-models 2.1" in str(caught.value)


def test_a_dataset_is_no_model(install):
    install("mine", {"mine_model": MODEL}, datasets={"mine": "mine_model:Mine"})
    with pytest.raises(PluginError, match=r"not a subclass of recbench\.Dataset"):
        load_dataset(find("dataset", "mine"))


def test_the_source_hash_follows_the_source(install):
    site = install("mine", {"mine_module": MODEL}, models={"mine": "mine_module:Mine"})
    plugin = find("model", "mine")
    before = source_hash(plugin)
    assert before == source_hash(plugin)
    assert len(before) == 64
    package_hash.cache_clear()
    (site / "mine_module.py").write_text("changed = 1")
    assert source_hash(plugin) != before


def test_the_hash_of_a_package_covers_every_file_and_its_name(install):
    site = install("mine")
    package = site / "mine_package"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")

    def digest():
        package_hash.cache_clear()
        return package_hash("mine_package")

    seen = [digest()]
    (package / "deep" / "a.py").write_text("x = 1")
    seen.append(digest())
    (package / "deep" / "a.py").rename(package / "deep" / "b.py")
    seen.append(digest())
    (package / "deep" / "notes.txt").write_text("no source")
    assert digest() == seen[-1]
    assert len(set(seen)) == 3


def test_a_package_without_an_init_is_an_error(install):
    (install("mine") / "bare_package").mkdir()
    with pytest.raises(
        PluginError, match=r"bare_package: the package has no __init__\.py; add one"
    ):
        package_hash("bare_package")


def test_discovery_imports_nothing_heavy():
    code = """
import sys
from recbench.plugins import discover
assert len(discover("model")) > 3
print(sorted({"torch", "pandas", "duckdb", "pyarrow", "recbench_models"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
