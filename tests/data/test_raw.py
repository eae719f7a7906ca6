import dataclasses
import zipfile

import pytest

from recbench.data import Download
from recbench.data.protocol import LeaveLastTwoOut, Protocol
from recbench.data.raw import locate, missing_files, unpacked
from recbench.errors import DataError
from recbench.progress import SILENT


@pytest.fixture
def card(make_log):
    return make_log(files={"log": "log.csv", "items": "items.csv"}).card


@pytest.mark.parametrize("suffix", ["", ".gz", ".zip", ".tar.gz", ".7z"])
@pytest.mark.parametrize("place", [".", "log"])
def test_files_are_found_in_any_form_in_the_datasets_folder_or_at_the_top(
    card, tmp_path, suffix, place
):
    (tmp_path / place).mkdir(exist_ok=True)
    paths = {role: tmp_path / place / (name + suffix) for role, name in card.files.items()}
    for path in paths.values():
        path.write_text("")
    assert locate(card, tmp_path) == paths


def test_files_that_only_their_folder_tells_apart_are_found_in_none_but_it(make_log, tmp_path):
    card = make_log(folder="Shop_NL").card
    for folder in ("Shop_NL", "Shop_US"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.csv").write_text("")
    assert locate(card, tmp_path / "Shop_NL") == {"log": tmp_path / "Shop_NL" / "log.csv"}
    assert locate(card, tmp_path / "Shop_US") is None
    assert f"{tmp_path / 'Shop_US'}, put" not in str(
        missing_files(card, tmp_path / "Shop_US", "only")
    )
    counted = make_log(folder="Shop_NL", counts=({"interactions": 1},)).card
    assert locate(counted, tmp_path / "Shop_US") == {"log": tmp_path / "Shop_US" / "log.csv"}


def test_files_may_lie_in_the_folder_of_another_dataset(make_log, tmp_path):
    card = make_log(folder="logs").card
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.csv").write_text("")
    assert locate(card, tmp_path) == {"log": tmp_path / "logs" / "log.csv"}
    assert "put them in DIR/logs/" in str(missing_files(card, None, "only"))


def test_no_file_and_no_folder_are_not_found(card, tmp_path):
    assert locate(card, None) is None
    assert locate(card, tmp_path) is None
    assert locate(card, tmp_path / "nowhere") is None


def test_some_of_the_files_are_an_error_that_names_the_rest(card, tmp_path):
    (tmp_path / "log.csv").write_text("")
    expected = r"log: items\.csv is missing beside .*log\.csv; get it from example\.org"
    with pytest.raises(DataError, match=expected):
        locate(card, tmp_path)


def test_missing_files_say_which_from_where_and_to_where(card, tmp_path):
    text = str(missing_files(card, None, "only"))
    assert "(log.csv, items.csv) are needed, and no data folder is set" in text
    assert "Get them from example.org/log.csv, put them in DIR/log/" in text
    assert "RECBENCH_DATA=DIR or pass --data-dir DIR" in text
    assert str(tmp_path / "log") in str(missing_files(card, tmp_path, "only"))


def test_the_archive_that_a_card_names_stands_for_its_files(make_log, tmp_path):
    files = {"log": "log.csv", "items": "items.csv"}
    card = make_log(files=files, archives=dict.fromkeys(files, "all.zip")).card
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "all.zip").write_text("")
    assert set(locate(card, tmp_path).values()) == {tmp_path / "log" / "all.zip"}
    (tmp_path / "log" / "items.csv.gz").write_text("")
    assert locate(card, tmp_path)["items"] == tmp_path / "log" / "items.csv.gz"


def test_a_datasets_own_archive_comes_before_another_datasets_file_at_the_top(make_log, tmp_path):
    card = make_log(archives={"log": "all.zip"}).card
    (tmp_path / "log").mkdir()
    for path in (tmp_path / "log" / "all.zip", tmp_path / "log.csv"):
        path.write_text("")
    assert locate(card, tmp_path) == {"log": tmp_path / "log" / "all.zip"}


def test_only_archives_are_unpacked_and_each_once(make_log, tmp_path):
    files = {"log": "log.csv", "items": "items.csv", "users": "users.csv"}
    card = make_log(files=files).card
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("deep/log.csv", "items.csv", "README"):
            archive.writestr(name, name)
    (tmp_path / "scratch").mkdir()
    paths = dict.fromkeys(("log", "items"), tmp_path / "all.zip")
    paths["users"] = tmp_path / "users.csv.gz"
    found = unpacked(card, paths, tmp_path / "scratch", SILENT)
    assert found["log"].read_text() == "deep/log.csv"
    assert found["items"] == tmp_path / "scratch" / "items.csv"
    assert found["users"] == paths["users"]


def test_a_file_that_can_be_downloaded_says_so(make_log):
    download = Download("log.csv.gz", ("https://example.org/log.csv.gz",))
    text = str(missing_files(make_log(downloads=(download,)).card, None, "only"))
    assert "Run recbench data download log, or get them from example.org/log.csv" in text


def test_files_that_are_missing_are_those_of_the_protocol(make_log, tmp_path):
    files = {"log": "log.csv", "sessions": "sessions.txt"}
    split = LeaveLastTwoOut()
    protocols = {"raw": Protocol(split, files=("log",))}
    protocols["sessions"] = Protocol(split, files=("sessions",))
    download = Download("log.csv", ("https://example.org/log.csv",))
    card = make_log(protocols, files=files, downloads=(download,)).card
    (tmp_path / "sessions.txt").write_text("")
    text = str(missing_files(card, tmp_path, "raw"))
    assert "(log.csv) are needed" in text
    assert "Run recbench data download log" in text
    assert text.endswith("Those of --protocol sessions are here")
    with pytest.raises(DataError, match=r"log\.csv is missing .* Those of --protocol sessions are"):
        locate(
            dataclasses.replace(card, protocols={**protocols, "both": Protocol(split)}),
            tmp_path,
            "both",
        )
    text = str(missing_files(card, None, "sessions"))
    assert "(sessions.txt) are needed" in text
    assert "recbench data download" not in text
