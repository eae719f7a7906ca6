import json

import pytest
from webserver import Page

DATASET = """
    from dataclasses import replace
    from recbench import Dataset
    from recbench.data import Download
    from recbench.datasets.ml_100k import CARD

    class Logged(Dataset):
        api = 1
        card = replace(
            CARD,
            name="logged",
            archives={{}},
            downloads=tuple(Download(name, ("{url}" + name,)) for name in CARD.files.values()),
        )
"""
NAMES = ("u.data", "u.item", "u.user")


@pytest.fixture
def logged(install, web):
    """A dataset of three files that the server has."""
    web.pages |= {f"/{name}": Page(name.encode()) for name in NAMES}
    code = DATASET.format(url=web.url("/"))
    install("logged", {"logged_data": code}, datasets={"logged": "logged_data:Logged"})


def test_download_prints_where_the_files_are(recbench, logged, web, tmp_path):
    done = recbench("data", "download", "logged", "--data-dir", str(tmp_path))
    assert done.status == 0
    paths = [tmp_path / "logged" / name for name in NAMES]
    assert done.out.splitlines() == [str(path) for path in paths]
    assert [path.read_text() for path in paths] == list(NAMES)
    assert done.err.count("downloading u.") == 3
    again = recbench("data", "download", "logged", "--data-dir", str(tmp_path))
    assert (again.out, again.err) == (done.out, "")
    assert len(web.asked) == 3


def test_without_a_data_folder_they_go_to_the_cache(recbench, logged, tmp_path, monkeypatch):
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    done = recbench("data", "download", "logged")
    assert done.out.splitlines()[0] == str(tmp_path / "cache" / "raw" / "logged" / "u.data")


def test_a_failed_download_is_one_error(recbench, logged, web, tmp_path):
    del web.pages["/u.item"]
    done = recbench("data", "download", "logged", "--data-dir", str(tmp_path))
    assert (done.status, done.out) == (1, "")
    assert "error: u.item could not be downloaded to " in done.err
    assert "HTTP error 404" in done.err
    assert "Traceback" not in done.err


def test_what_needs_a_login_says_what_to_get_and_where_to_put_it(recbench, tmp_path):
    done = recbench("data", "download", "taobao", "--data-dir", str(tmp_path))
    assert done.status == 1
    assert (
        "taobao: UserBehavior.csv cannot be downloaded without you: get it from "
        "tianchi.aliyun.com/dataset/649 (UserBehavior.csv.zip; needs a login) and put it in "
        f"{tmp_path / 'taobao'}"
    ) in done.err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mmoe-synthetic", "mmoe-synthetic is always simulated; it has no files to download"),
        ("ml-100k", "RECBENCH_OFFLINE is set, which forbids downloads; unset it"),
        ("ml-100", "unknown dataset 'ml-100'; did you mean ml-100k"),
    ],
)
def test_what_cannot_be_asked_for_exits_with_2(recbench, tmp_path, name, expected):
    done = recbench("data", "download", name, "--data-dir", str(tmp_path))
    assert done.status == 2
    assert expected in done.err


def test_runs_download_once_and_only_if_all_of_them_can_be(recbench, logged, web, tmp_path):
    about = ("--dataset", "logged", "--data-dir", str(tmp_path), "--device", "cpu")
    done = recbench("run", "--models", "popularity,melu", *about)
    assert done.status == 2
    assert "melu is a model for cold-start" in done.err
    assert web.asked == []
    done = recbench("run", "--models", "popularity", *about, "--seeds", "1,2")
    assert done.status == 1  # the files are not what they should be
    assert len(web.asked) == 3


def test_files_in_an_archive_are_here(recbench, tmp_path, monkeypatch):
    (tmp_path / "ml-100k").mkdir()
    (tmp_path / "ml-100k" / "ml-100k.zip").write_text("")
    (tmp_path / "yoochoose-data.7z").write_text("")
    monkeypatch.setenv("RECBENCH_DATA", str(tmp_path))
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    assert rows["ml-100k"]["files"] == "here"
    assert rows["ml-100k-coldstart"]["files"] == "here (simulator)"
    for name in ("yoochoose-1-64", "yoochoose-1-4"):
        assert rows[name]["files"] == "here for clicks, stamp"
        assert list(rows[name]["missing"]) == ["sessions"]
    assert rows["ml-latest-small"]["files"] == "missing"
