from __future__ import annotations

import shutil

import duckdb
import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import DataConfig, Loader, prepare, vectors, verify_prepared
from recbench.data.columns import read_table, write_table
from recbench.data.facts import facts
from recbench.data.manifest import Manifest, file_checksum
from recbench.data.protocol import LeaveLastTwoOut, Protocol
from recbench.data.words import Words
from recbench.errors import DataError
from recbench.schema import FIRST_ID

ROWS = [(user, item, item % 3, time, 1) for user in range(6) for time, item in enumerate((3, 5, 9))]
ROWS += [(user, 20 + user, 0, 7, 0) for user in range(6)]  # of the test part alone
PICTURES = "SELECT i AS item, [i, -i / 2]::FLOAT[2] AS picture FROM range(100) t(i) WHERE i != 5"
PROTOCOL = Protocol(LeaveLastTwoOut())


@pytest.fixture
def prepare_pictures(make_log, folders):
    """Return a function that prepares `ROWS`, given SQL of a table of items' further columns."""

    def make(query=PICTURES, categories=True):
        shutil.rmtree(folders.cache, ignore_errors=True)
        lines = ("".join(",".join(map(str, row)) + "\n") for row in ROWS)
        (folders.data / "log.csv").write_text("".join(lines))
        dataset = make_log(PROTOCOL)

        class Pictured(type(dataset)):
            def read(self, db, files):
                super().read(db, files)
                db.execute(f"CREATE TABLE more AS {query}")
                join = "FULL JOIN items USING (item)" if categories else ""
                db.execute(f"CREATE TABLE joined AS FROM more {join}")
                db.execute("DROP VIEW items")
                db.execute("CREATE VIEW items AS FROM joined")

        return prepare(Pictured(dataset.card, labelled=True), DataConfig("log"), folders)

    return make


def expected(item: int) -> list[float]:
    return [0, 0] if item == 5 else [item, -item / 2]


def test_a_table_has_a_row_for_each_item_whatever_part_it_is_of(prepare_pictures, monkeypatch):
    monkeypatch.setattr(vectors, "PIECE", 24)  # three vectors
    prepared = prepare_pictures()
    field = prepared.schema["picture"]
    table, items = prepared.schema.vectors["picture"], prepared.items["item"].to_pylist()
    assert (field.role, field.size, field.width) == ("item", len(items), 2)
    assert table.dtype == np.float32
    assert not table[:FIRST_ID].any()
    assert sorted(items[FIRST_ID:]) == [3, 5, 9, *range(20, 26)]
    assert table[FIRST_ID:].tolist() == [expected(item) for item in items[FIRST_ID:]]
    assert not table.flags.writeable
    assert verify_prepared(prepared.folder) == []


def test_batches_name_rows_of_the_table_in_target_and_history(prepare_pictures):
    prepared = prepare_pictures()
    part = prepared.open_test()
    features = Loader(prepared, part, Reads(), 100).features(np.arange(len(part)))
    table, items = prepared.schema.vectors["picture"], prepared.items["item"].to_pylist()
    raw = [items[each] for each in part.item]
    assert set(raw) == set(range(20, 26))
    assert set(features.fields["item"].tolist()) == {1}
    assert table[features.fields["picture"]].tolist() == [expected(item) for item in raw]
    events = [expected(item) for _ in raw for item in (3, 5, 9)]
    assert table[features.history.fields["picture"]].tolist() == events


def test_fingerprints_depend_on_each_number_and_not_on_the_order_of_rows(prepare_pictures):
    first = prepare_pictures().manifest.fingerprints
    assert prepare_pictures(f"{PICTURES} ORDER BY hash(i)").manifest.fingerprints == first
    other = prepare_pictures(PICTURES.replace("-i / 2", "CASE i WHEN 9 THEN 7 ELSE -i / 2 END"))
    found = other.manifest.fingerprints
    differing = {part for part, fingerprint in found.items() if fingerprint != first[part]}
    assert differing == {"fields", "train", "valid", "test"}


def test_a_table_that_is_not_what_was_prepared_is_found(prepare_pictures):
    folder = prepare_pictures().folder
    path = folder / "vectors/picture.arrow"
    table = read_table(path)["value"].copy()
    table[3, 1] += 1
    write_table(path, {"value": table})
    assert verify_prepared(folder) == ["vectors/picture.arrow"]
    manifest = Manifest.load(folder)
    manifest.tables["vectors/picture.arrow"] = file_checksum(path)
    manifest.save(folder)
    assert verify_prepared(folder) == ["fields", "train", "valid", "test"]
    path.unlink()
    with pytest.raises(DataError, match=r"picture\.arrow cannot be read .*delete"):
        verify_prepared(folder)


def test_what_is_said_of_vectors(prepare_pictures, make_log):
    manifest = prepare_pictures().manifest
    assert manifest.characteristics["vectors"] == {"picture": {"width": 2, "items": 8}}
    assert "items without 'picture': 1; theirs is all zeros" in manifest.reports
    assert facts(manifest, Words("en", make_log()))["vectors"] == "`picture`: 2 wide, of 8 items"


def test_items_may_have_nothing_else_or_numbers_of_twice_the_bits(prepare_pictures):
    prepared = prepare_pictures(PICTURES.replace("FLOAT", "DOUBLE"), categories=False)
    assert [field.name for field in prepared.schema.of("item")] == ["item", "picture"]
    assert prepared.schema.vectors["picture"].dtype == np.float32


def test_a_field_may_have_any_name_beside_them(prepare_pictures):
    more = PICTURES.replace("AS item", "AS item, i % 3 AS number, i AS vector")
    prepared = prepare_pictures(more, categories=False)
    names = [field.name for field in prepared.schema.of("item")]
    assert names == ["item", "number", "vector", "picture"]
    table, items = prepared.schema.vectors["picture"], prepared.items["item"].to_pylist()
    assert table[FIRST_ID:].tolist() == [expected(item) for item in items[FIRST_ID:]]
    numbers = read_table(prepared.folder / "fields/number.arrow")["value"].tolist()
    ids = prepared.items["number"].tolist()
    found = {item: numbers[ids[row] - 2] for row, item in enumerate(items) if ids[row] > 1}
    assert found
    assert all(number == item % 3 for item, number in found.items())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "SELECT 3 AS item, ['nan'::FLOAT, 1]::FLOAT[2] AS v",
            "'v' of the item 3 has .* no finite",
        ),
        (
            "SELECT 3 AS item, ['inf'::DOUBLE, 1]::DOUBLE[2] AS v",
            "'v' of the item 3 has .* no finite",
        ),
        ("SELECT 9 AS item, [1, NULL]::FLOAT[2] AS v", "'v' of the item 9 has .* no finite"),
        ("SELECT 3 AS item, [1.5]::FLOAT[] AS v", r"'v' of type FLOAT\[\].*FLOAT\[n\]"),
        ("SELECT 3 AS item, [1, 2]::INTEGER[2] AS v", r"'v' of type INTEGER\[2\]"),
        ("SELECT 3 AS item, {'a': 1} AS v", r"'v' of type STRUCT"),
        (f"{PICTURES} UNION ALL {PICTURES}", "more than one row for the item 3"),
    ],
)
def test_what_are_no_vectors_is_refused(prepare_pictures, query, message):
    with pytest.raises(DataError, match=message):
        prepare_pictures(query, categories=False)


def test_users_have_no_vectors_and_decimals_and_names_are_none(make_log):
    card = make_log().card
    with duckdb.connect() as db:
        db.execute("CREATE TABLE items AS SELECT 1 AS item, 1.5 AS price, 'a'::ENUM('a') AS kind")
        assert vectors.vector_widths(db, card) == {}
        db.execute("ALTER TABLE items ADD COLUMN picture FLOAT[7]")
        assert vectors.vector_widths(db, card) == {"picture": 7}
        db.execute("CREATE VIEW users AS SELECT 1 AS user, [1, 2]::FLOAT[2] AS face")
        with pytest.raises(DataError, match=r"users table .*'face' of type FLOAT\[2\].*only items"):
            vectors.vector_widths(db, card)
