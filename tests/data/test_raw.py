import zipfile

import pytest

from recbench.data.raw import locate, missing_files, unzipped
from recbench.errors import DataError


@pytest.fixture
def card(make_log):
    return make_log(files={"log": "log.csv", "items": "items.csv"}).card


@pytest.mark.parametrize("suffix", ["", ".gz", ".zip"])
@pytest.mark.parametrize("place", [".", "log"])
def test_files_are_found_in_any_form_in_the_datasets_folder_or_at_the_top(
    card, tmp_path, suffix, place
):
    (tmp_path / place).mkdir(exist_ok=True)
    paths = {role: tmp_path / place / (name + suffix) for role, name in card.files.items()}
    for path in paths.values():
        path.write_text("")
    assert locate(card, tmp_path) == paths


def test_files_may_lie_in_the_folder_of_another_dataset(make_log, tmp_path):
    card = make_log(folder="logs").card
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.csv").write_text("")
    assert locate(card, tmp_path) == {"log": tmp_path / "logs" / "log.csv"}
    assert "put them in DIR/logs/" in str(missing_files(card, None))


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
    text = str(missing_files(card, None))
    assert "(log.csv, items.csv) are needed, and no data folder is set" in text
    assert "Get them from example.org/log.csv, put them in DIR/log/" in text
    assert "RECBENCH_DATA=DIR or pass --data-dir DIR" in text
    assert str(tmp_path / "log") in str(missing_files(card, tmp_path))


def make_zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, "1,2,3,4\n" * 5000)


def test_only_archives_are_unpacked(tmp_path):
    (tmp_path / "scratch").mkdir()
    make_zip(tmp_path / "log.csv.zip", "deep/log.csv", "README")
    files = {"log": tmp_path / "log.csv.zip", "items": tmp_path / "items.csv.gz"}
    found = unzipped(files, tmp_path / "scratch")
    assert found["log"] == tmp_path / "scratch" / "log.csv"
    assert found["log"].read_text() == "1,2,3,4\n" * 5000
    assert found["items"] == tmp_path / "items.csv.gz"


@pytest.mark.parametrize("members", [(), ("other.csv",), ("a/log.csv", "b/log.csv")])
def test_an_archive_without_the_one_file_is_an_error(tmp_path, members):
    make_zip(tmp_path / "log.csv.zip", *members)
    with pytest.raises(DataError, match=r"log\.csv\.zip does not hold one file called log\.csv"):
        unzipped({"log": tmp_path / "log.csv.zip"}, tmp_path)


@pytest.mark.parametrize("damage", ["cut", "noise", "text", "empty"])
def test_a_damaged_archive_is_an_error_that_names_it(tmp_path, damage):
    path = tmp_path / "log.csv.zip"
    make_zip(path, "log.csv")
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "noise": whole[:middle] + b"\xff" * 8 + whole[middle + 8 :],
            "text": b"not an archive",
            "empty": b"",
        }[damage]
    )
    with pytest.raises(DataError, match=r"log\.csv\.zip is damaged .*get the file again"):
        unzipped({"log": path}, tmp_path)
