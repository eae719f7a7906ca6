import gzip
import io

import numpy as np
import pytest

from recbench.data.arrays import read_arrays
from recbench.errors import DataError


def saved(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


GOOD = saved(a=np.arange(5000) % 977, b=np.array(["x", "y"]))


@pytest.mark.parametrize("name", ["log.npz", "log.npz.gz"])
def test_arrays_are_read_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(GOOD) if name.endswith("gz") else GOOD)
    arrays = read_arrays(path, ["b", "a"])
    assert list(arrays) == ["b", "a"]
    assert arrays["b"].tolist() == ["x", "y"]
    assert (arrays["a"] == np.arange(5000) % 977).all()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "zip"),
        (b"some text", "zip"),
        (GOOD[: len(GOOD) // 2], "zip"),
        (GOOD[:200] + bytes(50) + GOOD[250:], "(CRC|invalid|decompress)"),
        (saved(b=np.arange(2)), "a.npy"),
        (saved(a=np.array([{}]), b=np.arange(2)), "pickle"),
        (saved(a=np.zeros((2, 2)), b=np.arange(2)), "'a' has 2 dimensions"),
    ],
    ids=["empty", "text", "truncated", "damaged", "missing", "objects", "matrix"],
)
def test_other_files_are_an_error_that_names_them(tmp_path, content, why):
    path = tmp_path / "log.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"log\.npz is damaged.*{why}"):
        read_arrays(path, ["a", "b"])
