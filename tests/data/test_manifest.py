import dataclasses
import gzip
import json
import zipfile

import pytest

from recbench.data import DataConfig, Manifest, prepare
from recbench.data.manifest import fingerprint
from recbench.data.protocol import LeaveLastTwoOut, Negatives, Protocol
from recbench.errors import DataError

PROTOCOL = Protocol(LeaveLastTwoOut(), Negatives("uniform"), ties="order")
ROWS = [(u * 10, (u + n) % 7, (u + n) % 7 % 2 + 30, 100 + n) for n in range(6) for u in range(5)]


def text(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


@pytest.fixture
def prints(make_log, folders):
    """Return a function that prepares a raw file and returns the fingerprints."""

    def of(name, content):
        for path in folders.data.iterdir():
            path.unlink()
        (folders.data / name).write_bytes(content)
        return prepare(make_log(PROTOCOL), DataConfig("log"), folders).manifest.fingerprints

    return of


def zipped(tmp_path, content, member):
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return path.read_bytes()


def test_the_file_format_does_not_change_a_fingerprint(prints, tmp_path):
    plain = prints("log.csv", text(ROWS))
    assert set(plain) == {"log", "fields", "train", "valid", "test"}
    assert len(set(plain.values())) == 5
    assert prints("log.csv.gz", gzip.compress(text(ROWS))) == plain
    assert prints("log.csv.zip", zipped(tmp_path, text(ROWS), "log.csv")) == plain
    assert prints("log.csv.zip", zipped(tmp_path, text(ROWS), "folder/log.csv")) == plain


def test_the_grouping_of_rows_does_not_change_a_fingerprint(prints):
    assert prints("log.csv", text(ROWS)) == prints("log.csv", text(sorted(ROWS)))


@pytest.mark.parametrize(
    ("column", "value", "same"),
    [(1, 6, ()), (3, 101, ()), (2, 33, ("log",))],
    ids=["item", "time", "category"],
)
def test_one_changed_row_changes_the_fingerprints(prints, column, value, same):
    before = prints("log.csv", text(ROWS))
    rows = [list(row) for row in ROWS]
    rows[0][column] = value
    if column == 2:
        rows = [[*row[:2], 33 if row[1] == 0 else row[2], row[3]] for row in rows]
    after = prints("log.csv", text(rows))
    assert {name for name in before if before[name] == after[name]} == set(same)


def test_a_fingerprint_depends_on_where_a_column_ends():
    one = fingerprint("", {"a": [1, 2], "b": [3, 4]}, {})
    assert one != fingerprint("", {"a": [1, 3], "b": [2, 4]}, {})
    assert one != fingerprint("x", {"a": [1, 2], "b": [3, 4]}, {})


def test_a_manifest_comes_back_as_it_was_saved(tiny, tmp_path):
    tiny.manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == tiny.manifest
    assert tiny.manifest.counts["interactions"] > 10_000
    assert [field.name for field in tiny.schema.of("item")] == ["item", "category"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("{", "Expecting"), ("{}", "format"), ("[]", "list")],
)
def test_a_manifest_that_cannot_be_read_is_an_error_with_a_mend(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(
        DataError, match=rf"manifest\.json.*{reason}.*delete .* to prepare it again"
    ):
        Manifest.load(tmp_path)


def test_another_format_is_refused(tiny, tmp_path):
    content = dataclasses.asdict(tiny.manifest) | {"format": 99}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="its format is 99"):
        Manifest.load(tmp_path)
