import json
import shutil

import numpy as np
import pytest

from recbench.data import verify_prepared
from recbench.data.columns import read_table, write_table
from recbench.data.manifest import Manifest, file_checksum
from recbench.errors import DataError

FILES = [
    "category_index.arrow",
    "fields/behaviour.arrow",
    "fields/category.arrow",
    "interactions.arrow",
    "items.arrow",
    "labels/test.arrow",
    "samples/test.arrow",
    "samples/train.arrow",
    "samples/valid.arrow",
    "users.arrow",
]


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny.folder, tmp_path / "copy")


def test_a_whole_folder_agrees(folder):
    assert verify_prepared(folder) == []
    assert sorted(Manifest.load(folder).tables) == FILES


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_flipped_bit_anywhere_is_found(folder, name, place):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    assert verify_prepared(folder) == [name]


def test_a_missing_file_is_an_error_that_names_it(folder):
    (folder / "samples" / "valid.arrow").unlink()
    with pytest.raises(DataError, match=r"valid\.arrow cannot be read .*delete"):
        verify_prepared(folder)


@pytest.mark.parametrize(
    ("name", "column", "differing"),
    [
        ("interactions.arrow", "time", ["log", "fields", "train", "valid", "test"]),
        ("items.arrow", "category", ["fields", "train", "valid", "test"]),
        ("samples/train.arrow", "click", ["train"]),
        ("samples/test.arrow", "history_start", ["test"]),
        ("labels/test.arrow", "click", ["test"]),
    ],
)
def test_rows_that_were_written_wrong_are_found(folder, name, column, differing):
    columns = read_table(folder / name)
    values = np.array(columns[column])
    values[[5, -1]] = values[[-1, 5]] if values[5] != values[-1] else values[5] ^ 1
    write_table(folder / "other.arrow", {**columns, column: values})
    (folder / "other.arrow").replace(folder / name)
    content = json.loads((folder / "manifest.json").read_text())
    content["tables"][name] = file_checksum(folder / name)
    (folder / "manifest.json").write_text(json.dumps(content))
    assert verify_prepared(folder) == differing
