import hashlib
import io
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import py7zr
import pytest
from heard import Heard
from webserver import Page

from recbench.data import DataConfig, Download, download_files, obtain, prepare, resolve
from recbench.data.protocol import GlobalTime, Protocol
from recbench.errors import DataError, UsageError
from recbench.folders import Folders

TEXT = "".join(f"{user},{n},0,{10 * n + user},1\n" for user in range(10) for n in range(20))
PROTOCOL = Protocol(GlobalTime(valid=0.2, test=0.2, unit="share"))


def zipped(**files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"log-1.0/{name}.csv", text)
    return made.getvalue()


@pytest.fixture
def dataset(make_log, web):
    """A log whose archive the server has, and which could be simulated."""
    content = zipped(log=TEXT, notes="none")
    web.pages["/log.zip"] = Page(content)
    sha256 = hashlib.sha256(content).hexdigest()
    dataset = make_log(
        PROTOCOL,
        archives={"log": "log-1.0.zip"},
        downloads=(Download("log-1.0.zip", (web.url("/log.zip"),), sha256, bytes=len(content)),),
        simulated_sizes={"small": {}},
    )

    def simulate(size, folder, progress):
        (folder / "log.csv").write_text(TEXT)
        return {"log": folder / "log.csv"}

    dataset.simulate = simulate
    dataset.oracle = lambda folder, user, time, item: np.zeros(len(user))
    return dataset


@pytest.mark.parametrize("source", ["auto", "real"])
def test_preparation_downloads_what_is_not_here_and_once(dataset, folders, web, source):
    heard = Heard()
    prepared = prepare(dataset, DataConfig("log", source=source), folders, heard)
    assert prepared.manifest.source == "real"
    assert prepared.manifest.counts["interactions"] == 200
    assert prepared.manifest.files["log"]["name"] == "log-1.0.zip"
    assert (folders.data / "log" / "log-1.0.zip").is_file()
    assert heard.notes[0].startswith("downloading log-1.0.zip (")
    assert heard.warnings == []
    again = prepare(dataset, DataConfig("log", source=source), folders, heard)
    assert again.folder == prepared.folder
    assert len(web.asked) == 1


def test_without_a_data_folder_files_go_to_the_cache_and_are_found_there(dataset, tmp_path, web):
    folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    prepare(dataset, DataConfig("log"), folders)
    assert (tmp_path / "cache" / "raw" / "log" / "log-1.0.zip").is_file()
    assert resolve(dataset, DataConfig("log"), folders).source == "real"


def test_files_that_are_here_are_not_downloaded(dataset, folders, web):
    (folders.data / "log.csv").write_text(TEXT)
    prepare(dataset, DataConfig("log"), folders)
    assert web.asked == []


@pytest.mark.parametrize("value", ["1", "yes"])
def test_offline_nothing_is_downloaded(dataset, folders, web, monkeypatch, value):
    monkeypatch.setenv("RECBENCH_OFFLINE", value)
    assert prepare(dataset, DataConfig("log"), folders).manifest.source == "simulated"
    with pytest.raises(DataError, match="Run recbench data download log, or get them from"):
        prepare(dataset, DataConfig("log", source="real"), folders)
    with pytest.raises(UsageError, match="RECBENCH_OFFLINE is set, which forbids downloads"):
        download_files(dataset.card, folders)
    assert web.asked == []


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_may_be_said_to_be_off(dataset, folders, web, monkeypatch, value):
    monkeypatch.setenv("RECBENCH_OFFLINE", value)
    obtain(dataset, DataConfig("log"), folders)
    assert len(web.asked) == 1


def test_simulated_data_need_no_download(dataset, folders, web):
    prepare(dataset, DataConfig("log", source="simulated"), folders)
    assert web.asked == []


def test_simulated_data_take_the_place_of_files_that_cannot_be_had(dataset, folders, web):
    web.pages.clear()
    heard = Heard()
    assert prepare(dataset, DataConfig("log"), folders, heard).manifest.source == "simulated"
    assert len(heard.warnings) == 2
    assert heard.warnings[0].startswith("log: the real files are not here. log-1.0.zip could not")
    assert "HTTP error 404" in heard.warnings[0]
    assert "log: SIMULATED data (size small)" in heard.warnings[1]
    with pytest.raises(DataError, match=r"log-1\.0\.zip could not be downloaded .*HTTP error 404"):
        prepare(dataset, DataConfig("log", source="real"), folders)


def test_the_rest_of_the_files_is_downloaded_if_all_can_be_had(make_log, folders, web):
    card = make_log(
        PROTOCOL,
        files={"log": "log.csv", "items": "items.csv", "users": "users.csv"},
        downloads=(
            Download("log.csv", (web.url("/log"),)),
            Download("items.csv.gz", (web.url("/items"),)),
        ),
    )
    web.pages |= {"/log": Page(TEXT.encode()), "/items": Page(b"1")}
    with pytest.raises(DataError, match=r"the raw files .* are needed"):
        prepare(card, DataConfig("log"), folders)
    assert web.asked == []  # users.csv would be missing all the same
    (folders.data / "log").mkdir()
    (folders.data / "log" / "users.csv").write_text("")
    assert prepare(card, DataConfig("log"), folders).manifest.counts["interactions"] == 200
    assert sorted(path for path, _ in web.asked) == ["/items", "/log"]


def test_a_wrong_protocol_is_an_error_before_anything_is_downloaded(dataset, folders, web):
    with pytest.raises(UsageError, match="unknown protocol of log 'onli'; did you mean only"):
        prepare(dataset, DataConfig("log", "onli"), folders)
    assert web.asked == []


def test_a_damaged_archive_in_the_folder_is_an_error_that_names_it(dataset, folders, web):
    (folders.data / "log-1.0.zip").write_bytes(b"PK\3\4")
    with pytest.raises(DataError, match=r"log-1\.0\.zip is damaged .*get the file again"):
        prepare(dataset, DataConfig("log"), folders)
    assert list(folders.cache.rglob("*.partial")) == []


@pytest.mark.parametrize("kind", [".zip", ".tar.gz", ".7z"])
def test_data_are_the_same_from_whatever_archive(make_log, folders, kind):
    """Their fingerprints do not tell how the raw file was packed."""
    dataset = make_log(PROTOCOL, archives={"log": f"all{kind}"})
    (folders.data / "log.csv").write_text(TEXT)
    plain = prepare(dataset, DataConfig("log"), folders)
    path = folders.data / f"all{kind}"
    if kind == ".zip":
        path.write_bytes(zipped(log=TEXT, more="x"))
    elif kind == ".7z":
        with py7zr.SevenZipFile(path, "w") as archive:
            archive.writestr("x", "more.csv")
            archive.write(folders.data / "log.csv", "deep/log.csv")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folders.data / "log.csv", "deep/log.csv")
    (folders.data / "log.csv").unlink()
    files = {"log": "log.csv", "again": "log.csv"}
    two = make_log(
        PROTOCOL, files=files, archives=dict.fromkeys(files, path.name), counts=({"users": 1},)
    )
    with pytest.raises(DataError, match=rf"\nread from \S+{path.name}$"):
        prepare(two, DataConfig("log"), folders)
    packed = prepare(dataset, DataConfig("log"), folders)
    assert packed.folder != plain.folder
    assert packed.manifest.fingerprints == plain.manifest.fingerprints


def test_of_those_that_want_a_file_at_once_one_downloads_it(dataset, folders, web):
    with ThreadPoolExecutor(4) as pool:
        each = [pool.submit(download_files, dataset.card, folders) for _ in range(4)]
    target = folders.data / "log" / "log-1.0.zip"
    assert [done.result() for done in each] == [[target]] * 4
    assert len(web.asked) == 1


def test_files_to_get_by_hand_are_named_with_where_they_go(make_log, folders, web):
    card = make_log(
        files={"log": "log.csv", "items": "items.csv"},
        downloads=(Download("items.csv", (web.url("/items"),)),),
    ).card
    web.pages["/items"] = Page(b"1")
    expected = (
        "log: log.csv cannot be downloaded without you: get it from example.org/log.csv and put "
        f"it in {folders.data / 'log'}"
    )
    with pytest.raises(DataError) as caught:
        download_files(card, folders)
    assert str(caught.value) == expected
    assert (folders.data / "log" / "items.csv").is_file()


def test_files_that_one_protocol_needs_are_enough(make_log, folders, web):
    card = make_log(
        {"first": replace(PROTOCOL, files=("log",)), "second": replace(PROTOCOL, files=("other",))},
        files={"log": "log.csv", "other": "other.csv"},
        downloads=(Download("log.csv", (web.url("/log"),), shared=True),),
    ).card
    web.pages["/log"] = Page(TEXT.encode())
    assert download_files(card, folders) == [folders.data / "log.csv"]


def test_a_folder_that_cannot_be_made_is_an_error(dataset, tmp_path, web):
    (tmp_path / "file").write_text("")
    folders = Folders(tmp_path / "file", tmp_path / "cache", tmp_path)
    with pytest.raises(DataError, match=r"log-1\.0\.zip cannot be written to .*name another"):
        download_files(dataset.card, folders)
