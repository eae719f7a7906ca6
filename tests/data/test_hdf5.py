from __future__ import annotations

import gzip
import importlib.util

import duckdb
import h5py
import numpy as np
import pytest

from recbench.data import hdf5
from recbench.data.hdf5 import read_hdf5_vectors
from recbench.errors import DataError, UsageError

ITEMS = np.array([7, 3, 2**40, -5])
ROWS = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [0.5, -1, 1e-3]])


@pytest.fixture
def write(tmp_path):
    """Return a function that writes arrays into an HDF5 file and returns where."""

    def put(**arrays):
        path = tmp_path / "pictures.h5"
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
        return path

    return put


def read(path):
    with duckdb.connect() as db:
        read_hdf5_vectors(db, "pictures", path, "key", "value")
        return dict(db.execute("SELECT item, vector FROM pictures").fetchall())


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<f2"])
def test_each_item_has_its_vector(write, kind, monkeypatch):
    monkeypatch.setattr(hdf5, "PIECE", 50)
    found = read(write(key=ITEMS, value=ROWS.astype(kind), more=[1]))
    right = ROWS.astype(kind).astype(np.float32).tolist()
    assert {item: list(row) for item, row in found.items()} == dict(
        zip(ITEMS.tolist(), right, strict=True)
    )


@pytest.mark.parametrize("kind", ["u1", ">i2", "<u8"])
def test_items_may_be_whole_numbers_of_any_kind(write, kind):
    assert set(read(write(key=np.array([4, 2, 7, 9], kind), value=ROWS))) == {4, 2, 7, 9}


def test_a_file_packed_with_gzip_is_read_to_its_end(write):
    path = write(key=ITEMS, value=ROWS)
    packed = path.with_suffix(".h5.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed) == read(path)
    packed.write_bytes(packed.read_bytes()[:-6] + b"\0\0\0\0\0\0")
    with pytest.raises(DataError, match=r"pictures\.h5\.gz is damaged"):
        read(packed)


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"value": ROWS}, "it has no array 'key'; it has: value"),
        ({"key": ITEMS}, "it has no array 'value'; it has: key"),
        ({"key": ITEMS, "value/deep": ROWS}, "it has no array 'value'; it has: key, value"),
        ({"key": ITEMS[:3], "value": ROWS}, "'key' has 3 items and 'value' 4"),
        ({"key": ITEMS, "value": ROWS[:, 0]}, r"'value' is float64 \(4,\), and no table of floats"),
        ({"key": ITEMS, "value": ROWS.astype(int)}, "'value' is int64 .* and no table of floats"),
        ({"key": ITEMS.astype("S9"), "value": ROWS}, "'key' is .* and no list of whole numbers"),
        ({"key": ROWS, "value": ROWS}, "'key' is .* and no list of whole numbers"),
        ({"key": ITEMS[:0], "value": ROWS[:0]}, r"'value' is \(0, 3\); there must be"),
        ({"key": ITEMS, "value": ROWS[:, :0]}, r"'value' is \(4, 0\); there must be 1 to 4096 col"),
    ],
)
def test_other_arrays_are_an_error_that_says_what_is_there(write, arrays, why):
    with pytest.raises(
        DataError, match=rf"pictures\.h5 is damaged .*: {why}.*; get the file again"
    ):
        read(write(**arrays))


@pytest.mark.parametrize("place", [0, 1, 8, 100, 500, -1])
def test_a_file_cut_short_is_an_error_that_names_it(write, place):
    path = write(key=ITEMS, value=ROWS)
    path.write_bytes(path.read_bytes()[:place])
    with pytest.raises(DataError, match=r"pictures\.h5 is damaged"):
        read(path)


def test_flipped_bits_end_in_vectors_or_in_an_error(write):
    path = write(key=ITEMS, value=ROWS)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in random.integers(len(whole), size=60):
        content = bytearray(whole)
        content[place] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        try:
            read(path)
        except DataError:
            refused += 1
    assert 0 < refused < 60


@pytest.mark.parametrize("way", ["link", "file", "view"])
def test_what_lies_outside_of_the_file_is_not_read(write, tmp_path, way):
    path = write(key=ITEMS)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["value"] = ROWS
    with h5py.File(path, "a") as file:
        if way == "link":
            file["value"] = h5py.ExternalLink("other.h5", "value")
        elif way == "file":
            file.create_dataset("value", ROWS.shape, "f8", external=str(tmp_path / "other.h5"))
        else:
            layout = h5py.VirtualLayout(ROWS.shape, "f8")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "value", ROWS.shape)
            file.create_virtual_dataset("value", layout)
    with pytest.raises(DataError, match="'value' is kept elsewhere, and no link is followed"):
        read(path)


def test_without_the_package_the_error_names_what_to_install(write, monkeypatch):
    path, find = write(key=ITEMS, value=ROWS), importlib.util.find_spec
    monkeypatch.setattr(hdf5, "find_spec", lambda name: None if name == "h5py" else find(name))
    other = path.with_suffix(".hd5")
    path.rename(other)
    for place in (path, other):
        with pytest.raises(UsageError, match=rf"reading {place} needs h5py: pip .*\[hdf5\]'"):
            read(place)
