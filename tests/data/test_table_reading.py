"""What the reader of a table may give, and what of it is refused."""

from __future__ import annotations

import dataclasses

import pytest
from people import ROWS, SHARES, People, make_rows

from recbench.data import DataConfig, prepare
from recbench.errors import DataError


def test_a_row_that_cannot_be_read_is_reported(people):
    rows = [*make_rows(), ["old", "t1", 100, 1, True]]
    manifest = people(rows).manifest
    assert manifest.counts["rows"] == ROWS
    assert len(manifest.reports) == 1
    assert "1 malformed rows left out: " in manifest.reports[0]
    assert "people.csv:201: " in manifest.reports[0]
    with pytest.raises(DataError, match="10 of 210 rows are malformed"):
        people([*make_rows(), *[rows[-1]] * 10])


def test_the_manifest_says_what_the_reader_remarks(folders):
    class Adults(People):
        def read(self, db, files):
            super().read(db, files)
            db.execute("CREATE TABLE remarks AS SELECT count(*) AS count, 'are young' AS what "
                       "FROM people WHERE age < 30")  # fmt: skip

    rows = make_rows()
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folders.data / "people.csv").write_text(text)
    young = sum(row[0] != "" and row[0] < 30 for row in rows)
    manifest = prepare(Adults(), DataConfig("people"), folders).manifest
    assert manifest.reports == [f"{young} rows are young"]


def test_another_number_of_rows_than_published_is_refused(people, folders):
    with pytest.raises(DataError, match=r"people: the raw files hold 200 rows \(published: 300\)"):
        people(counts=({"rows": 300}, {"rows": 9}))
    assert not list(folders.cache.rglob("*.arrow"))


def test_a_card_that_promises_a_column_too_many_is_an_error(people):
    with pytest.raises(DataError, match="the reader makes no column 'height', which its card has"):
        people(numbers=("age", "height"))


def test_a_column_with_a_reserved_name_is_an_error(folders):
    class Clash(People):
        def read(self, db, files):
            super().read(db, files)
            db.execute("CREATE OR REPLACE VIEW rows AS SELECT *, 1 AS wage, 0 AS rich, 1 AS User "
                       "FROM people")  # fmt: skip

    (folders.data / "people.csv").write_text("1,t,1,1,true\n")
    with pytest.raises(DataError, match="the rows have a column 'User', a name that recbench"):
        prepare(Clash(), DataConfig("people"), folders)


def test_too_few_rows_for_three_parts_are_an_error(people):
    with pytest.raises(DataError, match="the valid and test part has no examples"):
        people(make_rows()[:2])


def test_a_protocol_needs_only_its_own_files(folders):
    class Two(People):
        def read(self, db, files):
            super().read(db, {"people": files["second"]})

    half = dataclasses.replace(SHARES, files=("second",))
    dataset = Two(
        files={"first": "first.csv", "second": "second.csv"},
        protocols={"both": SHARES, "half": half},
    )
    rows = "".join(",".join(map(str, row)) + "\n" for row in make_rows())
    (folders.data / "second.csv").write_text(rows)
    made = prepare(dataset, DataConfig("people", "half"), folders)
    assert list(made.manifest.files) == ["second"]
    with pytest.raises(DataError, match=r"first\.csv is missing beside"):
        prepare(dataset, DataConfig("people", "both"), folders)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [(0, "inf", "row 8 has a number that is not finite in 'age': inf"),
     (3, "-inf", "row 8 has a number that is not finite in 'wage': -inf")],
)  # fmt: skip
def test_numbers_that_are_not_finite_are_an_error(people, folders, column, value, message):
    rows = make_rows()
    rows[7][column] = value
    with pytest.raises(DataError, match=message):
        people(rows)
    assert not list(folders.cache.rglob("*.arrow"))


def test_a_binary_label_of_a_third_value_is_an_error(people):
    with pytest.raises(DataError, match="neither 0 nor 1 in 'wage'"):
        people(labels={"wage": "binary", "rich": "binary"})
