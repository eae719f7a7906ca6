import gzip

import duckdb
import pytest

from recbench.data.reading import MALFORMED, open_text, read_csv, rejected, whole_number
from recbench.errors import DataError

COLUMNS = {"user": "BIGINT", "item": "BIGINT"}
ROWS = [(n, n * n) for n in range(3000)]
TEXT = "".join(f"{user},{item}\n" for user, item in ROWS)


@pytest.fixture
def db():
    with duckdb.connect() as connection:
        yield connection


def read(db, path, **options):
    read_csv(db, "log", path, COLUMNS, **options)
    return db.sql("FROM log ORDER BY row").fetchall()


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (TEXT, {}),
        (TEXT.replace("\n", "\r\n"), {}),
        ("user,item\n" + TEXT, {"header": True}),
        (TEXT.replace(",", "|"), {"delimiter": "|"}),
        (TEXT.rstrip("\n"), {}),
        (TEXT + "\n", {}),
        ("\ufeff" + TEXT, {}),
        ("\ufeff" + TEXT, {"encoding": "latin-1"}),
    ],
    ids=["plain", "windows", "header", "pipes", "no-last-newline", "empty-line", "bom", "latin"],
)
def test_rows_are_read_in_file_order(db, tmp_path, text, options):
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode())
    found = read(db, path, **options)
    assert [row[1:] for row in found] == ROWS
    assert [row[0] for row in found] == sorted({row[0] for row in found})
    assert rejected(db).count == 0


def test_other_encodings_and_quotes_are_read(db, tmp_path):
    path = tmp_path / "items.csv"
    path.write_bytes('1,"Léon, the\u00a0Professional"\n2,"A ""B"" C"\n'.encode("latin-1"))
    columns = {"item": "BIGINT", "title": "VARCHAR"}
    read_csv(db, "items", path, columns, quote='"', encoding="latin-1")
    titles = db.sql("SELECT title FROM items ORDER BY row").fetchall()
    assert titles == [("Léon, the\u00a0Professional",), ('A "B" C',)]
    assert rejected(db).count == 0


def test_malformed_rows_are_counted_and_located(db, tmp_path):
    lines = TEXT.splitlines()
    lines[10], lines[20], lines[30] = "7,8,9", "7", "seven,8"
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    found = read(db, path)
    assert len(found) == len(ROWS) - 3
    faults = rejected(db)
    assert faults.count == 3
    for example, line in zip(faults.examples, (11, 21, 31), strict=True):
        assert example.startswith(f"{path}:{line}: ")


def test_at_most_five_malformed_rows_are_shown(db, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(TEXT + "x,1\n" * 40)
    read(db, path)
    faults = rejected(db)
    assert (faults.count, len(faults.examples)) == (40, 5)


def test_a_cut_archive_is_an_error_that_names_it(db, tmp_path):
    path = tmp_path / "log.csv.gz"
    whole = gzip.compress(TEXT.encode())
    for content in (whole[: len(whole) // 2], whole[:-4], b"not gzip at all", whole[:5]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"log\.csv\.gz is damaged .*get the file again"):
            read(db, path)
        db.execute("DROP TABLE IF EXISTS log")


def test_a_wrong_checksum_is_an_error_that_names_the_file(db, tmp_path):
    path = tmp_path / "log.csv.gz"
    whole = bytearray(gzip.compress(TEXT.encode()))
    whole[-5] ^= 255
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"log\.csv\.gz is damaged .*CRC"):
        read(db, path)


@pytest.mark.parametrize("wrong", ["5.7", "-0.5", "15e-1", "1e-1"])
def test_a_fraction_is_no_whole_number(db, tmp_path, wrong):
    path = tmp_path / "log.csv"
    path.write_text(f"1,2\n3,{wrong}\n,4\n{1 << 62},5.0\n")
    assert [row[1:] for row in read(db, path)] == [(1, 2), (None, 4), (1 << 62, 5)]
    found = rejected(db)
    assert (found.count, found.examples) == (1, (f'{path}, row 2: no whole number in "item"',))


def test_whole_numbers_of_text_are_not_rounded(db):
    number = whole_number("said")
    query = f"SELECT {number} FROM (VALUES ('-5'), (NULL), ('{1 << 40}')) AS each(said)"
    assert db.sql(query).fetchall() == [(-5,), (None,), (1 << 40,)]
    for wrong, error in (("5.7", duckdb.InvalidInputException), ("x", duckdb.ConversionException)):
        with pytest.raises(error, match=wrong):
            db.sql(f"SELECT {number} FROM (VALUES ('{wrong}')) AS each(said)").fetchall()


def test_an_empty_line_is_no_row_of_a_file_with_one_column(db, tmp_path):
    (tmp_path / "lines.txt").write_text("1 2 3\n\n4 5\n\n")
    read_csv(db, "lines", tmp_path / "lines.txt", {"line": "VARCHAR"}, delimiter="\t")
    assert db.sql("FROM lines ORDER BY row").fetchall() == [(1, "1 2 3"), (2, "4 5")]


@pytest.mark.parametrize(("text", "header"), [("", False), ("", True), ("user,item\n", True)])
def test_a_file_without_rows_is_an_error_that_names_it(db, tmp_path, text, header):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DataError, match=r"log\.csv .* it has no rows"):
        read(db, tmp_path / "log.csv", header=header)


def test_a_quote_that_swallows_rows_is_an_error_that_names_the_file(db, tmp_path):
    (tmp_path / "log.csv").write_text(TEXT.replace("\n7,", '\n"7,'))
    with pytest.raises(DataError, match=r"log\.csv .* a quote is opened and never closed"):
        read(db, tmp_path / "log.csv", quote='"')


def test_text_is_read_plain_and_compressed(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "marked.json").write_text("{}", encoding="utf-8-sig")
    for name in ("a.json", "a.json.gz", "marked.json"):
        with open_text(tmp_path / name) as file:
            assert file.read() == "{}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json.gz", gzip.compress(b"{}" * 1000)[:20]),
        ("a.json.gz", b"not gzip"),
        ("a.json", b"\xff\xfe"),
    ],
    ids=["cut", "not-gzip", "not-utf-8"],
)
def test_damaged_text_is_an_error_that_names_the_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} is damaged"), open_text(tmp_path / name) as file:
        file.read()


def test_what_the_reader_of_text_finds_wrong_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json .*no good"), open_text(tmp_path / "a.json"):
        raise ValueError("no good")


def test_rows_that_a_reader_left_out_are_counted_with_the_malformed_ones(db, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("1,2\nx,3\n")
    read(db, path)
    db.execute(
        f"CREATE TABLE {MALFORMED} AS SELECT 'log.csv, row ' AS place, 9 - i AS number, "
        "'odd' AS why FROM range(7) AS each(i)"
    )
    found = rejected(db)
    assert found.count == 8
    assert found.examples[0].startswith(f"{path}:2: ")
    assert found.examples[1:] == tuple(f"log.csv, row {row}: odd" for row in (3, 4, 5, 6))


def test_what_is_packed_is_told_by_its_name_in_capitals_too(tmp_path):
    (tmp_path / "LOG.CSV.GZ").write_bytes(gzip.compress(b"1,2\n"))
    with open_text(tmp_path / "LOG.CSV.GZ") as file:
        assert file.read() == "1,2\n"
