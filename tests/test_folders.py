from pathlib import Path

import pytest

from recbench.folders import Folders


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in ("RECBENCH_DATA", "RECBENCH_CACHE", "RECBENCH_RESULTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_without_a_word_data_has_no_place_and_the_rest_has_the_usual_one(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    expected = Folders(None, tmp_path / ".cache" / "recbench", Path("results"))
    assert Folders.from_environment() == expected
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert Folders.from_environment().cache == Path("/xdg/recbench")
    monkeypatch.setattr("sys.platform", "darwin")
    assert Folders.from_environment().cache == tmp_path / "Library" / "Caches" / "recbench"


def test_the_environment_names_folders_and_arguments_beat_it(monkeypatch):
    monkeypatch.setenv("RECBENCH_DATA", "/e/data")
    monkeypatch.setenv("RECBENCH_CACHE", "/e/cache")
    monkeypatch.setenv("RECBENCH_RESULTS", "/e/results")
    assert Folders.from_environment() == Folders(
        Path("/e/data"), Path("/e/cache"), Path("/e/results")
    )
    given = Folders(Path("/a"), Path("/b"), Path("/c"))
    assert Folders.from_environment(given.data, given.cache, given.results) == given


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    expected = Folders.from_environment()
    for name in ("RECBENCH_DATA", "RECBENCH_CACHE", "RECBENCH_RESULTS", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    assert Folders.from_environment() == expected


def test_cards_lie_in_the_data_folder_or_where_the_platform_keeps_data(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert Folders.from_environment(tmp_path / "raw").cards == tmp_path / "raw"
    folders = Folders.from_environment()
    assert folders.cards == tmp_path / ".local" / "share" / "recbench"
    monkeypatch.setenv("XDG_DATA_HOME", "/xdg")
    assert folders.cards == Path("/xdg/recbench")
    monkeypatch.setattr("sys.platform", "darwin")
    assert folders.cards == tmp_path / "Library" / "Application Support" / "recbench"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert folders.cards == Path("/local/recbench/data")
