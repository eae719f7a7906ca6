"""What a prepared table holds, and how its rows are split."""

import gzip
import math

import numpy as np
import pyarrow as pa
import pytest
from people import ROWS, People, make_rows

from recbench.batch import Reads
from recbench.data import DataConfig, Loader, prepare, verify_prepared
from recbench.data.columns import read_table, write_table
from recbench.data.manifest import Manifest, file_checksum
from recbench.errors import DataError
from recbench.recording import prediction_columns
from recbench.schema import UNSEEN


def decoded(dataset, name):
    return [None, None, *read_table(dataset.folder / f"fields/{name}.arrow")["value"].tolist()]


def test_every_row_is_an_example_of_one_part_and_says_what_the_file_says(people):
    dataset, rows = people(), make_rows()
    towns = pa.array(read_table(dataset.folder / "fields/town.arrow")["value"]).to_pylist()
    codes = decoded(dataset, "code")
    seen = []
    for part in (dataset.part("train"), dataset.part("valid"), dataset.open_test()):
        assert (np.diff(part.columns["row"]) > 0).all()
        for row, town, age, code, wage, rich in zip(
            *(part.columns[each] for each in ("row", "town", "age", "code", "wage", "rich")),
            strict=True,
        ):
            expected = rows[row - 1]
            seen.append(row)
            assert (None if town == UNSEEN else towns[town - 2]) == (expected[1] or None)
            assert codes[code] == expected[2]
            assert expected[0] == ("" if math.isnan(age) else age)
            if expected[3] == "":
                assert math.isnan(wage)
                assert math.isnan(rich)
            else:
                assert wage == np.float32(expected[3])
                assert rich == (expected[3] > 0)
    assert sorted(seen) == list(range(1, ROWS + 1))
    assert dataset.manifest.counts == {"rows": 200, "train": 120, "valid": 40, "test": 40}


def test_batches_hold_known_categories_standardised_numbers_and_labels(people):
    dataset, rows = people(), make_rows()
    assert [(f.name, f.role) for f in dataset.schema.fields] == [
        ("town", "context"), ("age", "context"), ("code", "context"),
        ("wage", "label"), ("rich", "label"),
    ]  # fmt: skip
    assert dataset.schema.numbers == ("age",)
    train, valid = dataset.part("train"), dataset.part("valid")
    ages = np.array([rows[row - 1][0] or np.nan for row in train.columns["row"]])
    mean, deviation = np.nanmean(ages), np.nanstd(ages)
    known = {rows[row - 1][1] for row in train.columns["row"]}
    unseen = 0
    for part in (train, valid):
        (batch,) = Loader(dataset, part, Reads(recent=0), 1000)
        assert len(batch) == len(part)
        assert batch.features.history.lengths.tolist() == [0] * len(part)
        found = zip(part.columns["row"], batch.features.fields["town"], strict=True)
        for row, town in found:
            missing = rows[row - 1][1] not in known or not rows[row - 1][1]
            assert (town == UNSEEN) == missing
            assert town < dataset.schema["town"].size
            unseen += missing
        expected = [((rows[row - 1][0] or mean) - mean) / deviation for row in part.columns["row"]]
        np.testing.assert_allclose(batch.features.numbers[:, 0], expected, atol=1e-5)
        wages = [rows[row - 1][3] for row in part.columns["row"]]
        expected = [[math.nan, math.nan] if w == "" else [w, w > 0] for w in wages]
        np.testing.assert_allclose(batch.labels, expected, rtol=1e-6)
    assert unseen > 0


def test_a_protocol_chooses_labels_and_leaves_columns_out(people):
    dataset = people(protocol="rich")
    assert [field.name for field in dataset.schema.fields] == ["town", "age", "rich"]
    assert set(dataset.part("train").columns) == {"row", "town", "age", "rich"}


def test_the_official_test_part_is_kept_apart(people):
    dataset = people(protocol="official")
    assert dataset.part("train").columns["row"].tolist() == list(range(1, 151))
    assert min(dataset.part("valid").columns["row"]) > 150


def test_columns_that_decide_the_parts_are_no_inputs(people):
    rows = make_rows()
    dataset = people(protocol="by-code")
    assert "code" not in dataset.schema
    parts = dataset.part("train"), dataset.part("valid")
    codes = [{rows[row - 1][2] for row in part.columns["row"]} for part in parts]
    assert not codes[0] & codes[1]
    assert all(codes)
    assert dataset.open_test().columns["row"].tolist() == list(range(151, 201))
    assert not dataset.manifest.leakage["known"]


def test_rows_split_by_time_leak_nothing_and_say_so(people):
    rows = make_rows()
    dataset = people(protocol="by-time")
    parts = dataset.part("train"), dataset.part("valid"), dataset.open_test()
    codes = [[rows[row - 1][2] for row in part.columns["row"]] for part in parts]
    assert max(codes[0]) < min(codes[1])
    assert max(codes[1]) < min(codes[2])
    assert dataset.manifest.leakage == {"known": True, "test_before_train_end": 0, "share": 0.0}


def test_a_split_needs_its_columns_and_a_value_in_each_row(people):
    with pytest.raises(DataError, match="needs a column 'house', and the reader has none"):
        people(protocol="by-nothing")
    rows = make_rows()
    rows[4][2] = ""
    with pytest.raises(DataError, match="people: row 5 has no 'code', which decides its part"):
        people(rows, protocol="by-code")


def test_pieces_of_a_table_come_together(people, monkeypatch):
    """The whole table, and the same one read and described in small pieces."""
    whole = people()
    monkeypatch.setattr("recbench.data.table.ROWS", 64)
    monkeypatch.setattr("recbench.data.write_table.BLOCK", 7)
    pieces = people(version=2)
    for part in ("train", "valid"):
        for name, column in whole.part(part).columns.items():
            np.testing.assert_array_equal(column, pieces.part(part).columns[name])
    assert pieces.manifest.characteristics == whole.manifest.characteristics
    for one, other in zip(whole.scaling, pieces.scaling, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_fingerprints_know_rows_protocol_and_nothing_else(people, folders):
    prints = people().manifest.fingerprints
    assert list(prints) == ["train", "valid", "test"]
    text = (folders.data / "people.csv").read_bytes()
    (folders.data / "people.csv").unlink()
    (folders.data / "people.csv.gz").write_bytes(gzip.compress(text))
    again = prepare(People(), DataConfig("people"), folders)
    assert again.manifest.fingerprints == prints
    (folders.data / "people.csv.gz").unlink()
    assert people(protocol="other-seed").manifest.fingerprints["test"] != prints["test"]
    test = read_table(again.folder / "samples/test.arrow")["row"][0]
    for column in range(4):
        rows = make_rows()
        rows[test - 1][column] = "t99" if column == 1 else 133
        changed = people(rows).manifest.fingerprints
        assert {name for name in prints if changed[name] != prints[name]} == {"test"}


def test_verify_names_what_differs(people):
    dataset = people()
    assert verify_prepared(dataset.folder) == []
    path = dataset.folder / "samples/valid.arrow"
    columns = {name: column.copy() for name, column in read_table(path).items()}
    columns["age"][3] += 1
    write_table(path, columns)
    assert verify_prepared(dataset.folder) == ["samples/valid.arrow"]
    manifest = Manifest.load(dataset.folder)
    manifest.tables["samples/valid.arrow"] = file_checksum(path)
    manifest.save(dataset.folder)
    assert verify_prepared(dataset.folder) == ["valid"]


def test_characteristics_tell_the_means_and_correlation_of_labels(people):
    about, rows = people().manifest.characteristics, make_rows()
    wages = np.array([row[3] for row in rows if row[3] != ""])
    expected = np.corrcoef(wages, wages > 0)[0, 1]
    assert about["label_correlation"]["wage rich"] == pytest.approx(expected, abs=1e-5)
    assert 0.3 < about["parts"]["train"]["labels"]["rich"] < 0.7


def test_the_test_part_is_sealed_and_a_limit_spreads(people):
    dataset = people(limit=10)
    with pytest.raises(RuntimeError, match="sealed"):
        dataset.part("test")
    whole = people().part("train").columns["row"]
    rows = dataset.part("train").columns["row"]
    assert (len(rows), rows[0], rows[-1]) == (10, whole[0], whole[-1])


def test_predictions_are_kept_with_the_row_and_every_label(people):
    dataset = people()
    test = dataset.open_test()
    predictions = {f"prediction/{name}": np.zeros(len(test)) for name in ("wage", "rich")}
    columns = prediction_columns(dataset, test, predictions)
    assert list(columns) == ["row", "label/wage", "label/rich", *predictions]


@pytest.mark.parametrize("value", [0.1, ""])
def test_a_number_that_never_varies_or_is_never_there_is_zero(people, value):
    dataset = people([[value, *row[1:]] for row in make_rows()])
    for batch in Loader(dataset, dataset.part("valid"), Reads(recent=0), 7):
        assert not batch.features.numbers.any()
