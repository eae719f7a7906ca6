import gzip

import duckdb
import pytest

from recbench.data import lines
from recbench.data.lines import read_lines
from recbench.data.reading import rejected
from recbench.errors import DataError


def parse(line):
    if "skip" in line:
        return None
    name, number = line.split()
    return name, int(number)


@pytest.fixture
def read(tmp_path):
    def make(content, name="log.txt"):
        db = duckdb.connect()
        path = tmp_path / name
        path.write_bytes(content)
        read_lines(db, "log", path, {"name": "VARCHAR", "number": "BIGINT"}, parse)
        rows = db.execute("SELECT * FROM log ORDER BY row").fetchall()
        return rows, rejected(db)

    return make


@pytest.mark.parametrize(
    "content",
    [
        b"a 1\n\nskip\nb 2\n",
        b"\xef\xbb\xbfa 1\n\nskip\nb 2",
        b"a 1\r\n\r\nskip\r\nb 2\r\n\r\n",
    ],
    ids=["plain", "byte order mark, no last newline", "Windows"],
)
def test_lines_keep_their_number(read, content):
    assert read(content) == ([(1, "a", 1), (4, "b", 2)], rejected(duckdb.connect()))
    assert read(gzip.compress(content), "other.txt.gz")[0][:2] == [(1, "a", 1), (4, "b", 2)]


def test_malformed_lines_are_counted_and_located(read, monkeypatch):
    monkeypatch.setattr(lines, "ROWS", 3)
    rows, faults = read(b"a 1\nb\nc x\nd 4\ne 5 6\nf 7\n" * 3)
    assert [row[1] for row in rows] == ["a", "d", "f"] * 3
    assert faults.count == 9
    first = [each.split("log.txt:")[1] for each in faults.examples[:2]]
    assert first[0].startswith("2: ")
    assert first[1] == "3: invalid literal for int() with base 10: 'x'"


def test_a_line_that_is_too_long_is_malformed_and_no_more(read, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 8)
    rows, faults = read(b"a 1\n" + b"x" * 50 + b"\nb 12345\nc 123456\nd 4\n" + b"y" * 8)
    assert [row[:2] for row in rows] == [(1, "a"), (3, "b"), (5, "d")]
    assert faults.count == 3
    assert "log.txt:2: the line has more than 8 characters" in faults.examples[0]


def test_a_cut_archive_is_an_error_that_names_it(read):
    whole = gzip.compress(b"a 1\n" * 1000)
    with pytest.raises(DataError, match=r"log\.txt\.gz is damaged"):
        read(whole[: len(whole) // 2], "log.txt.gz")
