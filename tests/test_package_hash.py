import pytest

from recbench.errors import PluginError
from recbench.plugins import find, source_hash
from recbench.plugins.package_hash import package_hash


def test_the_source_hash_follows_the_source(install):
    site = install("mine", {"mine_module": "changed = 0"}, models={"mine": "mine_module:Mine"})
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


def test_the_hash_covers_the_sources_of_operators(install):
    package = install("mine") / "mine_operators"
    package.mkdir()
    (package / "__init__.py").write_text("")
    package_hash.cache_clear()
    before = package_hash("mine_operators")
    (package / "kernel.cpp").write_text("int one() { return 1; }")
    package_hash.cache_clear()
    assert package_hash("mine_operators") != before
