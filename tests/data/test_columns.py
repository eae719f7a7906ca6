import numpy as np
import pyarrow as pa
import pytest

from recbench.data.columns import Spool, read_table, write_table
from recbench.errors import DataError


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_a_table_comes_back_as_it_went_in(tmp_path, length):
    random = np.random.default_rng(0)
    columns = {
        kind: random.integers(100, size=length).astype(kind)
        for kind in ("int8", "int32", "int64", "float64")
    }
    text = pa.array([f"name {n}" if n % 2 else None for n in range(length)], pa.string())
    write_table(tmp_path / "deep" / "table.arrow", {**columns, "text": text})
    found = read_table(tmp_path / "deep" / "table.arrow")
    assert list(found) == [*columns, "text"]
    for name, column in columns.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column)
    assert found["text"].to_pylist() == text.to_pylist()


def test_columns_are_maps_of_the_file_that_nobody_can_change(tmp_path):
    write_table(tmp_path / "table.arrow", {"value": np.arange(10)})
    column = read_table(tmp_path / "table.arrow")["value"]
    assert not column.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1


def test_a_strided_column_is_written_by_its_values(tmp_path):
    write_table(tmp_path / "table.arrow", {"value": np.arange(10)[::3]})
    assert read_table(tmp_path / "table.arrow")["value"].tolist() == [0, 3, 6, 9]


@pytest.mark.parametrize("content", [None, b"", b"not a table", b"ARROW1\0\0 cut short"])
def test_a_file_that_is_no_table_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "table.arrow"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"table\.arrow cannot be read .*delete its folder"):
        read_table(path)


@pytest.mark.parametrize("length", [0, 7])
def test_a_spool_lives_on_disk_until_it_is_closed(tmp_path, length):
    folder = tmp_path / "spool"
    with Spool(folder, length, {"a": np.int64, "b": np.int8}) as spool:
        spool.columns["a"][:] = np.arange(length)
        assert spool.columns["a"].tolist() == list(range(length))
        assert spool.columns["b"].dtype == np.int8
        assert len(list(folder.iterdir())) == (2 if length else 0)
    assert not folder.exists()
